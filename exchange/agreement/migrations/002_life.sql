-- +goose Up
CREATE TABLE agreement_version (
  negotiation TEXT NOT NULL,
  number      BIGINT NOT NULL,
  department  TEXT NOT NULL,
  hash        TEXT NOT NULL,
  bytes       BLOB NOT NULL,
  replaced    BIGINT NOT NULL,
  PRIMARY KEY (negotiation, number)
);
CREATE TABLE agreement_ledger (
  id          TEXT PRIMARY KEY,
  negotiation TEXT NOT NULL,
  department  TEXT NOT NULL,
  part        TEXT NOT NULL,
  entry       TEXT NOT NULL,
  officer     TEXT NOT NULL,
  time        BIGINT NOT NULL
);
CREATE INDEX agreement_ledger_negotiation ON agreement_ledger (negotiation, time);
