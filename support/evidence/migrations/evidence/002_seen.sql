-- +goose Up
ALTER TABLE evidence_seen ADD COLUMN time BIGINT NOT NULL DEFAULT 0;
