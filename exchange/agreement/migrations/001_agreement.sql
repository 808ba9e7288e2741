-- +goose Up
CREATE TABLE agreement_negotiation (
  id          TEXT PRIMARY KEY,
  department  TEXT NOT NULL,
  role        TEXT NOT NULL,
  state       TEXT NOT NULL,
  peer        TEXT NOT NULL,
  member      TEXT NOT NULL,
  agreement   TEXT NOT NULL,
  resource    TEXT NOT NULL,
  doc         TEXT NOT NULL,
  bytes       BLOB,
  lease_until BIGINT NOT NULL,
  updated     BIGINT NOT NULL
);
CREATE INDEX agreement_negotiation_agreement ON agreement_negotiation (agreement, role);
CREATE INDEX agreement_negotiation_peer ON agreement_negotiation (member, peer);
CREATE INDEX agreement_negotiation_department ON agreement_negotiation (department, updated);
CREATE TABLE agreement_step (
  id          TEXT PRIMARY KEY,
  negotiation TEXT NOT NULL,
  department  TEXT NOT NULL,
  time        BIGINT NOT NULL,
  actor       TEXT NOT NULL,
  event       TEXT NOT NULL,
  from_state  TEXT NOT NULL,
  to_state    TEXT NOT NULL,
  note        TEXT NOT NULL
);
CREATE INDEX agreement_step_negotiation ON agreement_step (negotiation, time);
CREATE TABLE agreement_standing (
  id          TEXT PRIMARY KEY,
  department  TEXT NOT NULL,
  resource    TEXT NOT NULL,
  doc         TEXT NOT NULL,
  valid_until BIGINT NOT NULL,
  revoked     BIGINT NOT NULL
);
