-- +goose Up
CREATE TABLE federation_version (
  number     BIGINT PRIMARY KEY,
  document   BLOB NOT NULL,
  signatures TEXT NOT NULL
);
CREATE TABLE federation_statement (
  member   TEXT PRIMARY KEY,
  sequence BIGINT NOT NULL,
  document BLOB NOT NULL,
  sig      BLOB NOT NULL
);
CREATE TABLE federation_proposal (
  hash       TEXT PRIMARY KEY,
  number     BIGINT NOT NULL,
  document   BLOB NOT NULL,
  signatures TEXT NOT NULL,
  statement  TEXT NOT NULL,
  reason     TEXT NOT NULL,
  created    BIGINT NOT NULL
);
CREATE TABLE federation_vote (
  number BIGINT PRIMARY KEY,
  hash   TEXT NOT NULL
);
