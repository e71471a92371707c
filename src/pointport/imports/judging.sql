-- Staged rows to rows that can be applied and rows that cannot.

-- name: rank
-- Line the rows up in the order of their contacts, and find in the same sort who is unknown and who stands twice. A row
-- that already has a problem keeps it, and still counts as a row for its customer.
INSERT INTO import_ready (site_id, import_id, position, line, contact_id, email, points, problem)
SELECT
    neighbours.site_id,
    neighbours.import_id,
    neighbours.position,
    neighbours.line,
    neighbours.contact_id,
    neighbours.email,
    neighbours.points,
    CASE
        WHEN neighbours.problem IS NOT NULL THEN neighbours.problem
        WHEN neighbours.email IN (neighbours.email_before, neighbours.email_after) THEN 'DUPLICATE_EMAIL'
        WHEN neighbours.contact_id IS NULL THEN 'CONTACT_NOT_FOUND'
    END AS problem
FROM (
    SELECT
        stage.site_id,
        stage.import_id,
        stage.line,
        stage.email,
        stage.points,
        stage.problem,
        contact.id AS contact_id,
        row_number() OVER by_contact AS position,
        lag(stage.email) OVER by_contact AS email_before,
        lead(stage.email) OVER by_contact AS email_after
    FROM import_stage AS stage
    LEFT JOIN contact ON stage.site_id = contact.site_id AND stage.email = contact.email
    WHERE stage.site_id = %(site_id)s AND stage.import_id = %(import_id)s AND stage.email IS NOT NULL
    WINDOW by_contact AS (PARTITION BY stage.site_id ORDER BY contact.id, stage.email, stage.line)
) AS neighbours;

-- name: note_bad_cells
-- Outcomes of the rows whose cells cannot be used. After a crash some have theirs already.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, detail, email, points)
SELECT site_id, import_id, line, 'FAILED' AS outcome, problem, detail, email, points
FROM import_stage
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND problem IS NOT NULL
ON CONFLICT (site_id, import_id, line) DO NOTHING;

-- name: note_bad_rows
-- Outcomes of the rows that are refused for what stands in other rows, or in none of the contacts.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, detail, email, points)
SELECT
    ready.site_id,
    ready.import_id,
    ready.line,
    'FAILED' AS outcome,
    ready.problem,
    CASE
        WHEN ready.problem = 'DUPLICATE_EMAIL' THEN jsonb_build_object('count', twins.count, 'lines', twins.lines)
    END AS detail,
    ready.email,
    ready.points
FROM import_ready AS ready
LEFT JOIN (
    SELECT site_id, email, count(*) AS count, (array_agg(line ORDER BY line))[1:11] AS lines
    FROM import_ready
    WHERE
        site_id = %(site_id)s AND import_id = %(import_id)s
        AND email IN (
            SELECT doubled.email FROM import_ready AS doubled
            WHERE
                doubled.site_id = %(site_id)s AND doubled.import_id = %(import_id)s
                AND doubled.problem = 'DUPLICATE_EMAIL'
        )
    GROUP BY site_id, email
) AS twins ON ready.site_id = twins.site_id AND ready.email = twins.email
WHERE
    ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s
    AND ready.problem IN ('DUPLICATE_EMAIL', 'CONTACT_NOT_FOUND')
ON CONFLICT (site_id, import_id, line) DO NOTHING;

-- name: settle_again
-- When the rows are staged a second time (the server lost the first staging): mark those that have their outcome, or
-- their entry in the ledger, so that they are not taken up again.
UPDATE import_ready SET problem = 'DONE'
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s AND problem IS NULL
    AND (
        EXISTS (
            SELECT FROM import_row
            WHERE
                import_row.site_id = import_ready.site_id AND import_row.import_id = import_ready.import_id
                AND import_row.line = import_ready.line
        )
        OR EXISTS (
            SELECT FROM transaction
            WHERE
                transaction.site_id = import_ready.site_id
                AND transaction.id = (left(import_ready.import_id::text, 28) || lpad(to_hex(import_ready.line), 8, '0'))::uuid
        )
    );

-- name: count_ready
-- How many positions there are.
SELECT count(*) AS ready_rows FROM import_ready
WHERE site_id = %(site_id)s AND import_id = %(import_id)s;
