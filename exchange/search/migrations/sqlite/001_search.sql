-- +goose Up
-- doc is the rank: entries lie in the order in which they are found. What hits are counted by lies apart from what
-- they show: many more are counted than shown.
CREATE TABLE directory_entry (
  doc          INTEGER PRIMARY KEY,
  member       TEXT NOT NULL,
  department   TEXT NOT NULL,
  class        TEXT NOT NULL,
  code         TEXT NOT NULL,
  generation   BIGINT NOT NULL,
  digest       BIGINT NOT NULL
);
CREATE UNIQUE INDEX directory_entry_code ON directory_entry (member, code);
CREATE VIRTUAL TABLE directory_token USING fts5 (tokens, content='', contentless_delete=1, detail=none, tokenize="ascii tokenchars '^=_'");
INSERT INTO directory_token (directory_token, rank) VALUES ('hashsize', 16777216);
CREATE TABLE directory_text (
  doc  INTEGER PRIMARY KEY,
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
