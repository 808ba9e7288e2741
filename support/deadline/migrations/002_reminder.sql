-- +goose Up
CREATE INDEX deadline_clock_late ON deadline_clock (open, late, due, id);
CREATE TABLE deadline_reminder (
  id         TEXT PRIMARY KEY,
  clock      TEXT NOT NULL,
  department TEXT NOT NULL,
  time       BIGINT NOT NULL,
  doc        TEXT NOT NULL
);
CREATE INDEX deadline_reminder_clock ON deadline_reminder (clock, time);
CREATE INDEX deadline_reminder_time ON deadline_reminder (time, id);
