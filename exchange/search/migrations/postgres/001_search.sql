-- +goose Up
-- doc is the rank: entries lie in the order in which they are found. What hits are counted by lies apart from what
-- they show: many more are counted than shown.
CREATE TABLE directory_entry (
  doc          BIGINT PRIMARY KEY,
  member       TEXT COLLATE "C" NOT NULL,
  department   TEXT NOT NULL,
  class        TEXT NOT NULL,
  code         TEXT COLLATE "C" NOT NULL,
  generation   BIGINT NOT NULL,
  digest       BIGINT NOT NULL,
  tokens       TSVECTOR NOT NULL
);
CREATE UNIQUE INDEX directory_entry_code ON directory_entry (member, code);
-- Rare tokens must look rare, or they are looked for by walking all entries in the order of rank.
ALTER TABLE directory_entry ALTER COLUMN tokens SET STATISTICS 2000;
CREATE INDEX directory_entry_tokens ON directory_entry USING gin (tokens);
CREATE TABLE directory_text (
  doc  BIGINT PRIMARY KEY,
  text TEXT NOT NULL
);
CREATE TABLE directory_member (
  member     TEXT PRIMARY KEY,
  position   TEXT NOT NULL,
  scheme     BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  reading    BIGINT NOT NULL,
  as_of      BIGINT NOT NULL,
  tried      BIGINT NOT NULL,
  error      TEXT NOT NULL,
  entries    BIGINT NOT NULL,
  refused    BIGINT NOT NULL
);
CREATE TABLE directory_slot (bucket BIGINT PRIMARY KEY, used BIGINT NOT NULL);
