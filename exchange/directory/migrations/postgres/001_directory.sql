-- +goose Up
-- doc is the rank: entries lie in the order in which they are found.
CREATE TABLE directory_entry (
  doc          BIGINT PRIMARY KEY,
  member       TEXT COLLATE "C" NOT NULL,
  department   TEXT NOT NULL,
  sharing      TEXT NOT NULL,
  class        TEXT NOT NULL,
  provider     TEXT NOT NULL,
  code         TEXT COLLATE "C" NOT NULL,
  generation   BIGINT NOT NULL,
  digest       BIGINT NOT NULL,
  doc_json     TEXT NOT NULL,
  tokens       TSVECTOR NOT NULL
);
CREATE UNIQUE INDEX directory_entry_code ON directory_entry (member, code);
CREATE INDEX directory_entry_tokens ON directory_entry USING gin (tokens);
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
