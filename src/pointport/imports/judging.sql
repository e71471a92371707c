-- Staged rows to rows that can be applied and rows that cannot.

-- name: take_memory
-- Room for a sort of a few hundred thousand rows; more goes by way of the disk.
SET LOCAL work_mem = '64MB';

-- name: read_once
-- Nothing has told the statistics of these rows, and of their site they may know nothing either: so no table is read
-- again for each row of another.
SET LOCAL enable_nestloop = off;

-- name: go_by_key
-- From here on each row goes by a key of its own.
SET LOCAL enable_nestloop = on;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;

-- name: rank
-- Line the rows up in the order of their contacts, and find in the same sort who is unknown and who stands twice. A row
-- that already has a problem keeps it, and still counts as a row for its customer. For many rows all contacts of the
-- site are read, for few only those that are named. Whether a contact has an account is not looked up: it is taken to
-- be so where the site has any, and shows when the row is applied.
INSERT INTO import_ready (
    site_id, import_id, position, line, contact_id, email, points, problem, doubled, has_account, is_new
)
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
        WHEN neighbours.doubled THEN 'DUPLICATE_EMAIL'
        WHEN neighbours.contact_id IS NULL THEN 'CONTACT_NOT_FOUND'
    END AS problem,
    neighbours.doubled,
    exists(SELECT FROM account WHERE account.site_id = %(site_id)s) AS has_account,
    FALSE AS is_new
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
        coalesce(stage.email IN (lag(stage.email) OVER by_contact, lead(stage.email) OVER by_contact), FALSE) AS doubled
    FROM import_stage AS stage
    LEFT JOIN contact
        ON
            stage.site_id = contact.site_id AND stage.email = contact.email
            AND (
                %(many)s OR contact.email = any(
                    array(
                        SELECT import_stage.email FROM import_stage
                        WHERE
                            import_stage.site_id = %(site_id)s AND import_stage.import_id = %(import_id)s
                            AND import_stage.email IS NOT NULL
                    )
                )
            )
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

-- name: note_unknown
-- Outcomes of the rows whose address no contact has.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, email, points)
SELECT site_id, import_id, line, 'FAILED' AS outcome, problem, email, points
FROM import_ready
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND problem = 'CONTACT_NOT_FOUND'
ON CONFLICT (site_id, import_id, line) DO NOTHING;

-- name: note_doubled
-- Outcomes of the rows whose address stands more than once: in how many rows, and the lines of those nearest by.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, detail, email, points)
SELECT
    twins.site_id,
    twins.import_id,
    twins.line,
    'FAILED' AS outcome,
    twins.problem,
    jsonb_build_object('count', twins.count, 'lines', twins.lines) AS detail,
    twins.email,
    twins.points
FROM (
    SELECT
        site_id,
        import_id,
        line,
        problem,
        email,
        points,
        count(*) OVER (PARTITION BY site_id, email) AS count,
        array_agg(line) OVER (
            PARTITION BY site_id, email ORDER BY line ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING
        ) AS lines
    FROM import_ready
    WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND doubled
) AS twins
WHERE twins.problem = 'DUPLICATE_EMAIL'
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
                AND transaction.id
                = (left(import_ready.import_id::text, 28) || lpad(to_hex(import_ready.line), 8, '0'))::uuid
        )
    );

-- name: count_ready
-- How many positions there are.
SELECT count(*) AS ready_rows FROM import_ready
WHERE site_id = %(site_id)s AND import_id = %(import_id)s;
