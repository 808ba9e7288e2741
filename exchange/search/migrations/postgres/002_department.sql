-- +goose Up
-- What a member calls its departments. Nothing is published by most of those that apply.
CREATE TABLE directory_department (
  member TEXT NOT NULL,
  id     TEXT NOT NULL,
  name   TEXT NOT NULL,
  PRIMARY KEY (member, id)
);
