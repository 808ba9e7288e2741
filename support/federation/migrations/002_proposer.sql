-- +goose Up
ALTER TABLE federation_proposal ADD COLUMN proposer TEXT NOT NULL DEFAULT '';
