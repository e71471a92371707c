-- Staged rows to rows that can be applied and rows that cannot.

-- name: take_memory
-- Room for a sort of a few hundred thousand rows; more goes by way of the disk.
SET LOCAL work_mem = '64MB';

-- name: read_once
-- Nothing has told the statistics of these rows, and of their site they may know nothing either: so no table is read
-- again for each row of another.
SET LOCAL enable_nestloop = off;
SET LOCAL enable_hashjoin = on;
SET LOCAL enable_mergejoin = on;

-- name: go_by_key
-- From here on each row goes by a key of its own.
SET LOCAL enable_nestloop = on;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;

-- name: rank
-- Line the rows up in the order of their contacts, and find in the same sort who is unknown and who stands twice. A row
-- that already has a problem keeps it, and still counts as a row for its customer. For many rows all contacts of the
-- site are read, for few only those that are named. Whether a contact has an account is not looked up: it is taken to
-- be so where the site has any, and shows when the row is applied. A contact that is to be made gets an id of the
-- import and the line, so that it is the same one should the rows be lined up again.
INSERT INTO import_ready (
    site_id, import_id, position, line, contact_id, email, points, problem, doubled, has_account, is_new
)
SELECT
    neighbours.site_id,
    neighbours.import_id,
    neighbours.position,
    neighbours.line,
    CASE
        WHEN neighbours.contact_id IS NULL AND %(creates)s
            THEN (left(neighbours.import_id::text, 28) || lpad(to_hex(neighbours.line), 8, '0'))::uuid
        ELSE neighbours.contact_id
    END AS contact_id,
    neighbours.email,
    neighbours.points,
    CASE
        WHEN neighbours.problem IS NOT NULL THEN neighbours.problem
        WHEN neighbours.doubled AND %(duplicates)s = 'REJECT' THEN 'DUPLICATE_EMAIL'
        WHEN neighbours.contact_id IS NULL AND NOT %(creates)s THEN 'CONTACT_NOT_FOUND'
    END AS problem,
    neighbours.doubled,
    neighbours.contact_id IS NOT NULL
    AND EXISTS (SELECT FROM account WHERE account.site_id = %(site_id)s) AS has_account,
    neighbours.contact_id IS NULL AND %(creates)s AS is_new
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

-- name: keep_known
-- When the rows are staged a second time: a customer of whom a row has gone through was known, whatever has become of
-- the address since. Else that row would have a second outcome, and those that count as one with it another one.
UPDATE import_ready SET problem = NULL
FROM (
    SELECT ready.site_id, ready.import_id, ready.email
    FROM import_ready AS ready
    LEFT JOIN transaction AS entry
        ON
            ready.site_id = entry.site_id
            AND entry.id = (left(ready.import_id::text, 28) || lpad(to_hex(ready.line), 8, '0'))::uuid
            AND entry.id >= %(first_id)s AND entry.id <= %(last_id)s
    LEFT JOIN import_row AS settled
        ON
            ready.site_id = settled.site_id AND ready.import_id = settled.import_id AND ready.line = settled.line
            AND settled.outcome = 'UNCHANGED'
    WHERE
        ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s AND ready.problem = 'CONTACT_NOT_FOUND'
        AND (entry.id IS NOT NULL OR settled.line IS NOT NULL)
    GROUP BY ready.site_id, ready.import_id, ready.email
) AS known
WHERE
    import_ready.site_id = %(site_id)s AND import_ready.import_id = %(import_id)s
    AND import_ready.site_id = known.site_id AND import_ready.import_id = known.import_id
    AND import_ready.email = known.email AND import_ready.problem = 'CONTACT_NOT_FOUND';

-- name: settle_doubles
-- Where only one row of a customer counts, which one, and with how many points; the others are marked as merged into
-- it. Where a row of the same customer cannot be used, none of them is: else what is corrected later would count as if
-- the others had never been.
UPDATE import_ready SET
    points = CASE WHEN twins.choice = 1 AND %(duplicates)s = 'SUM' THEN twins.total ELSE import_ready.points END,
    problem = CASE
        WHEN twins.unusable > 0 THEN 'TWIN_FAILED'
        WHEN %(duplicates)s = 'SUM' AND abs(twins.total) > %(points_max)s THEN 'BALANCE_TOO_LARGE'
        WHEN twins.choice > 1 THEN 'MERGED'
    END
FROM (
    SELECT
        site_id,
        import_id,
        position,
        row_number() OVER (
            PARTITION BY site_id, email
            ORDER BY
                CASE %(duplicates)s WHEN 'LAST' THEN -line WHEN 'MAX' THEN -points ELSE line END, line
        ) AS choice,
        sum(points) OVER (PARTITION BY site_id, email) AS total,
        count(problem) OVER (PARTITION BY site_id, email) AS unusable
    FROM import_ready
    WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND doubled
) AS twins
WHERE
    import_ready.site_id = %(site_id)s AND import_ready.import_id = %(import_id)s
    AND import_ready.site_id = twins.site_id AND import_ready.import_id = twins.import_id
    AND import_ready.position = twins.position
    AND import_ready.problem IS NULL;

-- name: leave_out_merged
-- They stay in the staging table, and get their outcomes from there (note_merged).
DELETE FROM import_ready
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND doubled AND problem = 'MERGED';

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
WHERE twins.problem IN ('DUPLICATE_EMAIL', 'TWIN_FAILED')
ON CONFLICT (site_id, import_id, line) DO NOTHING;

-- name: note_unmerged
-- Outcomes of the rows whose customer would have too many points, all taken together.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, email, points)
SELECT site_id, import_id, line, 'FAILED' AS outcome, problem, email, points
FROM import_ready
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND doubled AND problem = 'BALANCE_TOO_LARGE'
ON CONFLICT (site_id, import_id, line) DO NOTHING;

-- name: note_merged
-- Outcomes of the rows that another row of their customer stands for: it is named where it went through, and where it
-- did not, they share its problem. Those that stand alone in their customer's name have such rows behind them.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, detail, email, points)
SELECT
    stage.site_id,
    stage.import_id,
    stage.line,
    CASE WHEN settled.problem IS NULL THEN 'MERGED' ELSE settled.outcome END AS outcome,
    settled.problem,
    coalesce(settled.detail, '{}'::jsonb) || jsonb_build_object('line', chosen.line) AS detail,
    stage.email,
    stage.points
FROM (
    SELECT
        site_id,
        import_id,
        email,
        min(line) AS line
    FROM import_ready
    WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND doubled
    GROUP BY site_id, import_id, email
    HAVING count(*) = 1
) AS chosen
INNER JOIN import_stage AS stage
    ON
        chosen.site_id = stage.site_id AND chosen.import_id = stage.import_id
        AND chosen.email = stage.email AND chosen.line <> stage.line
LEFT JOIN import_row AS settled
    ON
        chosen.site_id = settled.site_id AND chosen.import_id = settled.import_id AND chosen.line = settled.line
        AND settled.site_id = %(site_id)s AND settled.import_id = %(import_id)s
WHERE stage.site_id = %(site_id)s AND stage.import_id = %(import_id)s
ON CONFLICT (site_id, import_id, line) DO NOTHING;

-- name: count_failing_merged
-- The rows that another row of their customer stands for which has failed: they will have its problem (note_merged).
SELECT count(*) AS rows
FROM import_row AS failed
INNER JOIN import_ready AS chosen
    ON failed.site_id = chosen.site_id AND failed.import_id = chosen.import_id AND failed.line = chosen.line
INNER JOIN import_stage AS stage
    ON chosen.site_id = stage.site_id AND chosen.import_id = stage.import_id AND chosen.email = stage.email
LEFT JOIN import_row AS own
    ON stage.site_id = own.site_id AND stage.import_id = own.import_id AND stage.line = own.line
WHERE
    failed.site_id = %(site_id)s AND failed.import_id = %(import_id)s AND failed.outcome = 'FAILED'
    AND chosen.site_id = %(site_id)s AND chosen.import_id = %(import_id)s AND chosen.doubled
    AND stage.site_id = %(site_id)s AND stage.import_id = %(import_id)s AND stage.line <> chosen.line
    AND own.line IS NULL;

-- name: measure_changes
-- How much the rows that are lined up would change as things are.
SELECT
    coalesce(sum(abs(foreseen.change)), 0)::bigint AS total_change,
    count(*) FILTER (WHERE foreseen.change <> 0 AND foreseen.has_account) AS accounts_changed,
    (SELECT count(*) FROM account WHERE account.site_id = %(site_id)s) AS accounts
FROM (
    SELECT
        account.id IS NOT NULL AS has_account,
        CASE WHEN %(adds)s THEN ready.points ELSE ready.points - coalesce(account.balance, 0) END AS change
    FROM import_ready AS ready
    LEFT JOIN account ON ready.site_id = account.site_id AND ready.contact_id = account.id
    WHERE ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s AND ready.problem IS NULL
) AS foreseen;

-- name: largest_changes
-- The lines of the rows that would change the most.
SELECT ready.line
FROM import_ready AS ready
LEFT JOIN account ON ready.site_id = account.site_id AND ready.contact_id = account.id
WHERE
    ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s AND ready.problem IS NULL
    AND ready.points <> CASE WHEN %(adds)s THEN 0 ELSE coalesce(account.balance, 0) END
ORDER BY
    abs(CASE WHEN %(adds)s THEN ready.points ELSE ready.points - coalesce(account.balance, 0) END) DESC, ready.line
LIMIT 10;

-- name: rows_over
-- How many rows have more points than a row may have, the most that one has, and the first ten lines.
SELECT
    count(*) AS rows,
    max(abs(points)) AS largest,
    (array_agg(line ORDER BY line))[1:10] AS lines
FROM import_ready
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND problem IS NULL AND abs(points) > %(max_points_per_row)s;

-- name: note_over
-- Outcomes of those rows, which stop the import.
INSERT INTO import_row (site_id, import_id, line, outcome, problem, detail, email, points)
SELECT
    site_id,
    import_id,
    line,
    'UNPROCESSED' AS outcome,
    'GUARD_RAIL' AS problem,
    jsonb_build_object('limit', %(max_points_per_row)s::bigint) AS detail,
    email,
    points
FROM import_ready
WHERE
    site_id = %(site_id)s AND import_id = %(import_id)s
    AND problem IS NULL AND abs(points) > %(max_points_per_row)s
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
-- The last position.
SELECT coalesce(max(position), 0) AS ready_rows FROM import_ready
WHERE site_id = %(site_id)s AND import_id = %(import_id)s;
