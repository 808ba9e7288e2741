-- +goose Up
CREATE TABLE evidence_seen (
  origin     TEXT PRIMARY KEY,
  member     TEXT NOT NULL,
  size       BIGINT NOT NULL,
  root       BLOB NOT NULL,
  checkpoint BLOB NOT NULL,
  forked     BIGINT NOT NULL
);
CREATE TABLE evidence_outbox (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  kind       TEXT NOT NULL,
  time       BIGINT NOT NULL,
  officer    TEXT NOT NULL,
  header     TEXT NOT NULL,
  body       BLOB,
  sealed     BLOB,
  body_salt  BLOB,
  batch      BIGINT NOT NULL
);
