-- +goose Up
-- A page of a list, and what there was before with an applicant.
CREATE INDEX agreement_negotiation_state ON agreement_negotiation (department, state, updated);
CREATE INDEX agreement_negotiation_member ON agreement_negotiation (member, role, updated);
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
