-- +goose Up
-- Members that were told of a change and have not acknowledged it yet. again: 1 when something changed since; 2 when the
-- member does not understand such messages.
CREATE TABLE directory_told (
  member TEXT PRIMARY KEY,
  again  BIGINT NOT NULL
);
