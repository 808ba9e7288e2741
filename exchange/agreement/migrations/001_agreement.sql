-- +goose Up
-- The exact bytes of an agreement at one end, and until when its consumer may use what it holds.
CREATE TABLE agreement_document (
  negotiation TEXT PRIMARY KEY,
  bytes       BLOB NOT NULL,
  lease_until BIGINT NOT NULL
);
CREATE TABLE agreement_standing (
  id          TEXT PRIMARY KEY,
  department  TEXT NOT NULL,
  resource    TEXT NOT NULL,
  doc         TEXT NOT NULL,
  valid_until BIGINT NOT NULL,
  revoked     BIGINT NOT NULL,
  under       TEXT NOT NULL DEFAULT ''
);
CREATE INDEX agreement_standing_under ON agreement_standing (under);
CREATE INDEX agreement_standing_resource ON agreement_standing (resource, department);
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
-- What the other end said under its seal when it signed, to be verified at any time.
CREATE TABLE agreement_seal (
  negotiation TEXT NOT NULL,
  department  TEXT NOT NULL,
  hash        TEXT NOT NULL,
  time        BIGINT NOT NULL,
  sealed      BLOB NOT NULL,
  body_salt   BLOB NOT NULL,
  body        BLOB NOT NULL,
  PRIMARY KEY (negotiation, hash)
);
