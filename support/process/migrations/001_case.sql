-- +goose Up
-- One row per case and end. doc is the document of the kind, in the format that format names; what stands beside it is for
-- lists and searches.
CREATE TABLE process_case (
  kind       TEXT NOT NULL,
  id         TEXT NOT NULL,
  side       TEXT NOT NULL,
  number     TEXT NOT NULL,
  department TEXT NOT NULL,
  member     TEXT NOT NULL,
  peer       TEXT NOT NULL,
  ref        TEXT NOT NULL,
  subject    TEXT NOT NULL,
  title      TEXT NOT NULL,
  state      TEXT NOT NULL,
  turn       TEXT NOT NULL,
  due        BIGINT NOT NULL,
  format     BIGINT NOT NULL,
  doc        TEXT NOT NULL,
  created    BIGINT NOT NULL,
  updated    BIGINT NOT NULL,
  PRIMARY KEY (kind, id, side)
);
CREATE INDEX process_case_number ON process_case (number);
CREATE INDEX process_case_ref ON process_case (kind, ref, side);
CREATE INDEX process_case_member ON process_case (kind, member, peer);
CREATE INDEX process_case_latest ON process_case (kind, member, side, updated);
CREATE INDEX process_case_subject ON process_case (kind, subject, side, state);
-- Lists, latest first: of a department, of a department in a state, and of all for the authority.
CREATE INDEX process_case_department ON process_case (kind, department, updated);
CREATE INDEX process_case_state ON process_case (kind, department, state, updated);
CREATE INDEX process_case_updated ON process_case (kind, updated);
-- What waits for whom, the most urgent first.
CREATE INDEX process_case_turn ON process_case (kind, side, turn, department, due, id);
CREATE INDEX process_case_due ON process_case (kind, side, turn, due, id);
CREATE TABLE process_step (
  id         TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  case_id    TEXT NOT NULL,
  side       TEXT NOT NULL,
  time       BIGINT NOT NULL,
  actor      TEXT NOT NULL,
  event      TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state   TEXT NOT NULL,
  note       TEXT NOT NULL
);
CREATE INDEX process_step_case ON process_step (kind, case_id, side, time);
-- Lists in the order of ids: of a department, and of all.
CREATE INDEX process_case_place ON process_case (kind, department, id);
