-- +goose Up
-- What others may see of the catalogue changed, in the order of commits. Rows are never removed: a reader's cursor
-- names one of them.
CREATE TABLE catalog_change (
  seq  BIGINT PRIMARY KEY,
  code TEXT NOT NULL,
  time BIGINT NOT NULL
);
CREATE INDEX catalog_change_code ON catalog_change (code, seq);
INSERT INTO catalog_change (seq, code, time)
  SELECT row_number() OVER (ORDER BY published, code), code, published FROM catalog_resource WHERE state = 'published';
