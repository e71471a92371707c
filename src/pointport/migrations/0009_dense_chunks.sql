-- A chunk is dense when the site has few customers beside those of its file: then accounts are read in step with the
-- chunk's rows, from the first one's to the last one's, instead of one by one by their key (imports/applying.sql).
ALTER TABLE import_chunk ADD COLUMN is_dense boolean NOT NULL DEFAULT FALSE;
