-- +goose Up
-- What a web-hook is told about, as "demand,scheme"; empty: everything. And how it failed last: when, and a word for why.
ALTER TABLE notice_hook ADD COLUMN topics TEXT NOT NULL DEFAULT '';
ALTER TABLE notice_hook ADD COLUMN failed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notice_hook ADD COLUMN fault TEXT NOT NULL DEFAULT '';
