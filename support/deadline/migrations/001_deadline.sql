-- +goose Up
CREATE TABLE deadline_clock (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  subject    TEXT NOT NULL,
  clock      TEXT NOT NULL,
  holder     TEXT NOT NULL,
  open       BIGINT NOT NULL,
  late       BIGINT NOT NULL,
  certain    BIGINT NOT NULL,
  due        BIGINT NOT NULL,
  doc        TEXT NOT NULL
);
CREATE INDEX deadline_clock_subject ON deadline_clock (subject, department);
CREATE INDEX deadline_clock_open ON deadline_clock (open, department, due, id);
CREATE TABLE deadline_violation (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  code       TEXT NOT NULL,
  subject    TEXT NOT NULL,
  member     TEXT NOT NULL,
  offender   TEXT NOT NULL,
  time       BIGINT NOT NULL,
  doc        TEXT NOT NULL
);
CREATE INDEX deadline_violation_department ON deadline_violation (department, time, id);
CREATE INDEX deadline_violation_offender ON deadline_violation (offender, time);
