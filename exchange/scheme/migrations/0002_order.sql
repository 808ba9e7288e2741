-- +goose Up
-- Messages of several members arrive in any order: what was said of a version is kept until it can be counted.
ALTER TABLE scheme_consent ADD COLUMN gone BIGINT NOT NULL DEFAULT 0;
CREATE TABLE scheme_decline (
  id     TEXT NOT NULL,
  hash   TEXT NOT NULL,
  member TEXT NOT NULL,
  PRIMARY KEY (id, hash, member)
);
