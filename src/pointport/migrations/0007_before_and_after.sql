-- Look before, stop during, take back after: options, previews, cancelling, undoing, trying again.

-- Rows on their way are staged again, from the file.
TRUNCATE import_stage, import_ready, import_chunk;

-- What was chosen at execute (what is not there is as by default), and what became of it beyond the rows.
ALTER TABLE loyalty_import ADD COLUMN options jsonb NOT NULL DEFAULT '{}';
-- The preview that it was executed after, and how many rows came out in another way than that had said.
ALTER TABLE loyalty_import ADD COLUMN preview_id uuid;
ALTER TABLE loyalty_import ADD COLUMN differing_rows bigint;
-- The import whose failed rows it tries again, and the one that the family began with.
ALTER TABLE loyalty_import ADD COLUMN retry_of uuid;
ALTER TABLE loyalty_import ADD COLUMN root_id uuid;
-- Of the first of a family: the imports that tried its failed rows again, and how many have not gone through yet.
ALTER TABLE loyalty_import ADD COLUMN retries uuid[] NOT NULL DEFAULT '{}';
ALTER TABLE loyalty_import ADD COLUMN still_failed_count bigint;
-- How it was taken back, as far as that has come.
ALTER TABLE loyalty_import ADD COLUMN undo jsonb;

ALTER TABLE loyalty_import ADD CONSTRAINT loyalty_import_options_is_an_object
CHECK (jsonb_typeof(options) = 'object');
ALTER TABLE loyalty_import ADD CONSTRAINT loyalty_import_undo_is_an_object CHECK (jsonb_typeof(undo) = 'object');
ALTER TABLE loyalty_import ADD CONSTRAINT loyalty_import_difference_has_preview
CHECK (differing_rows IS NULL OR (differing_rows >= 0 AND preview_id IS NOT NULL));
ALTER TABLE loyalty_import ADD CONSTRAINT loyalty_import_retry_has_root CHECK ((retry_of IS NULL) = (root_id IS NULL));
ALTER TABLE loyalty_import ADD CONSTRAINT loyalty_import_still_failed_check
CHECK (still_failed_count >= 0);

-- The same file again is found by its checksum.
CREATE INDEX loyalty_import_file ON loyalty_import (site_id, file_sha256);
-- Imports after another are looked for when it is taken back.
CREATE INDEX loyalty_import_executed ON loyalty_import (site_id, executed_date) WHERE executed_date IS NOT NULL;

-- A row may be settled together with another one of the same customer, as the options say; and a preview writes down
-- what is going to happen, with the balances before and after, under its own id in the place of the import's.
ALTER TABLE import_row ADD COLUMN account_id uuid;
ALTER TABLE import_row ADD COLUMN balance_before bigint;
ALTER TABLE import_row ADD COLUMN balance_after bigint;
ALTER TABLE import_row DROP CONSTRAINT import_row_outcome_check;
ALTER TABLE import_row ADD CONSTRAINT import_row_outcome_check
CHECK (outcome IN ('IMPORTED', 'UNCHANGED', 'MERGED', 'FAILED', 'UNPROCESSED'));
ALTER TABLE import_row DROP CONSTRAINT import_row_failure_has_problem;
ALTER TABLE import_row ADD CONSTRAINT import_row_failure_has_problem
CHECK ((problem IS NULL) = (outcome IN ('IMPORTED', 'UNCHANGED', 'MERGED')));

-- Whether the contact is made by the import.
ALTER TABLE import_ready ADD COLUMN is_new boolean NOT NULL;
-- When an import is taken back: the later one that set the balance.
ALTER TABLE import_ready ADD COLUMN later_import_id uuid;

-- A run over an import's rows beside its execution: a preview, an undo, or the preview of an undo. What it stages,
-- writes down and enters in the ledger is under its own id, as if it were an import.
CREATE TABLE import_run (
    site_id uuid NOT NULL,
    id uuid NOT NULL,
    import_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('PREVIEW', 'UNDO', 'UNDO_PREVIEW')),
    status text NOT NULL CHECK (status IN ('RUNNING', 'DONE', 'FAILED')),
    email_index integer,
    points_index integer,
    options jsonb NOT NULL CHECK (jsonb_typeof(options) = 'object'),
    actor text NOT NULL,
    -- The rows that are lined up; null until they are.
    ready_rows bigint CHECK (ready_rows >= 0),
    applied_rows bigint NOT NULL CHECK (applied_rows >= 0 AND applied_rows <= coalesce(ready_rows, 0)),
    summary jsonb CHECK (jsonb_typeof(summary) = 'object'),
    failure_reason text CHECK (char_length(failure_reason) BETWEEN 1 AND 1000),
    failure_message text CHECK (char_length(failure_message) <= 2000),
    created_date timestamptz NOT NULL,
    updated_date timestamptz NOT NULL,
    finished_date timestamptz,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, import_id) REFERENCES loyalty_import (site_id, id),
    CONSTRAINT import_run_mapping_is_whole CHECK (
        (email_index IS NULL) = (points_index IS NULL) AND (email_index IS NOT NULL) = (kind = 'PREVIEW')
    ),
    CONSTRAINT import_run_end_is_dated CHECK ((finished_date IS NOT NULL) = (status <> 'RUNNING')),
    CONSTRAINT import_run_done_has_summary CHECK ((summary IS NOT NULL) = (status = 'DONE')),
    CONSTRAINT import_run_failure_has_reason CHECK (
        (failure_reason IS NOT NULL) = (status = 'FAILED') AND (failure_message IS NOT NULL) = (status = 'FAILED')
    )
);

CREATE INDEX import_run_import ON import_run (site_id, import_id, id);
CREATE INDEX import_run_unfinished ON import_run (site_id, updated_date) WHERE status = 'RUNNING';
-- What was taken back is taken back once.
CREATE UNIQUE INDEX import_run_one_undo ON import_run (site_id, import_id) WHERE kind = 'UNDO';

-- That somebody wants an import to stop. A row of its own, since the import's is held for as long as its file is read.
CREATE TABLE import_cancel (
    site_id uuid NOT NULL,
    import_id uuid NOT NULL,
    actor text NOT NULL,
    requested_date timestamptz NOT NULL,
    PRIMARY KEY (site_id, import_id),
    FOREIGN KEY (site_id, import_id) REFERENCES loyalty_import (site_id, id)
);

-- Which line of the first import of a family a line of a retry stands for.
CREATE TABLE retry_row (
    site_id uuid NOT NULL,
    import_id uuid NOT NULL,
    line bigint NOT NULL CHECK (line >= 1),
    root_id uuid NOT NULL,
    root_line bigint NOT NULL CHECK (root_line >= 1),
    PRIMARY KEY (site_id, import_id, line)
);

CREATE INDEX retry_row_root ON retry_row (site_id, root_id, root_line);

GRANT SELECT, INSERT, UPDATE, DELETE ON import_run TO pointport_site;
GRANT SELECT, INSERT ON import_cancel TO pointport_site;
GRANT SELECT, INSERT, DELETE ON retry_row TO pointport_site;

ALTER TABLE import_run ENABLE ROW LEVEL SECURITY;
CREATE POLICY import_run_own ON import_run TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE import_cancel ENABLE ROW LEVEL SECURITY;
CREATE POLICY import_cancel_own ON import_cancel TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE retry_row ENABLE ROW LEVEL SECURITY;
CREATE POLICY retry_row_own ON retry_row TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));
