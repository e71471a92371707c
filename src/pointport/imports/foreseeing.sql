-- What the rows of a run will do, written down in the place where an import's outcomes are.

-- name: note_foreseen
-- The rows that will go through, with the balance before and after.
INSERT INTO import_row (
    site_id, import_id, line, outcome, email, points, account_id, balance_before, balance_after
)
SELECT
    foreseen.site_id,
    foreseen.import_id,
    foreseen.line,
    CASE WHEN foreseen.balance_after = foreseen.balance_before THEN 'UNCHANGED' ELSE 'IMPORTED' END AS outcome,
    foreseen.email,
    foreseen.points,
    foreseen.contact_id AS account_id,
    foreseen.balance_before,
    foreseen.balance_after
FROM (
    SELECT
        ready.site_id,
        ready.import_id,
        ready.line,
        ready.email,
        ready.points,
        ready.contact_id,
        coalesce(account.balance, 0) AS balance_before,
        CASE WHEN %(adds)s THEN coalesce(account.balance, 0) + ready.points ELSE ready.points END AS balance_after
    FROM import_ready AS ready
    LEFT JOIN account ON ready.site_id = account.site_id AND ready.contact_id = account.id
    WHERE ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s AND ready.problem IS NULL
) AS foreseen;

-- name: count_foreseen
-- The accounts and contacts that these rows make, change and leave as they are.
SELECT
    count(*) FILTER (WHERE ready.is_new) AS contacts_created,
    count(*) FILTER (WHERE account.id IS NULL) AS accounts_created,
    count(*) FILTER (WHERE account.id IS NOT NULL AND settled.outcome = 'IMPORTED') AS accounts_changed,
    count(*) FILTER (WHERE account.id IS NOT NULL AND settled.outcome = 'UNCHANGED') AS accounts_unchanged
FROM import_ready AS ready
INNER JOIN import_row AS settled
    ON ready.site_id = settled.site_id AND ready.import_id = settled.import_id AND ready.line = settled.line
LEFT JOIN account ON ready.site_id = account.site_id AND ready.contact_id = account.id
WHERE
    ready.site_id = %(site_id)s AND ready.import_id = %(import_id)s
    AND settled.site_id = %(site_id)s AND settled.import_id = %(import_id)s
    AND ready.problem IS NULL;

-- name: foreseen_outcomes
-- How many rows will come out how.
SELECT outcome, count(*) AS rows FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s
GROUP BY outcome;

-- name: foreseen_problems
-- How often each problem is there, and the first lines that have it.
SELECT problem, count(*) AS rows, (array_agg(line ORDER BY line))[1:%(limit)s] AS lines
FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND problem IS NOT NULL
GROUP BY problem;

-- name: foreseen_points
-- The points that are added and removed, and the site's total before.
SELECT
    coalesce(sum(balance_after - balance_before) FILTER (WHERE balance_after > balance_before), 0)::bigint AS added,
    coalesce(sum(balance_before - balance_after) FILTER (WHERE balance_after < balance_before), 0)::bigint AS removed,
    (
        SELECT coalesce(sum(account.balance), 0)::bigint FROM account
        WHERE account.site_id = %(site_id)s
    ) AS before
FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND outcome = 'IMPORTED';

-- name: foreseen_movers
-- The rows that change a balance the most.
SELECT line, email, balance_before, balance_after FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND outcome = 'IMPORTED'
ORDER BY abs(balance_after - balance_before) DESC, line
LIMIT %(limit)s;

-- name: foreseen_histogram
-- How many rows change a balance by how much.
SELECT
    width_bucket(balance_after - balance_before, %(steps)s::bigint[]) AS bar,
    count(*) AS rows
FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s AND outcome IN ('IMPORTED', 'UNCHANGED')
GROUP BY bar;

-- name: foreseen_samples
-- The first rows of the file, whatever becomes of them.
SELECT line, email, points, outcome, problem, balance_before, balance_after FROM import_row
WHERE site_id = %(site_id)s AND import_id = %(import_id)s
ORDER BY line
LIMIT %(limit)s;

-- name: count_differences
-- The rows that came out in another way than a preview said. The entries of an import stand together by their ids.
SELECT count(*) AS rows
FROM import_row AS foreseen
LEFT JOIN transaction AS entry
    ON
        foreseen.site_id = entry.site_id AND foreseen.line = entry.line
        AND entry.site_id = %(site_id)s AND entry.id >= %(first_id)s AND entry.id <= %(last_id)s
LEFT JOIN import_row AS settled
    ON
        foreseen.site_id = settled.site_id AND foreseen.line = settled.line
        AND settled.site_id = %(site_id)s AND settled.import_id = %(import_id)s
WHERE
    foreseen.site_id = %(site_id)s AND foreseen.import_id = %(preview_id)s
    AND NOT CASE
        WHEN foreseen.outcome = 'IMPORTED'
            THEN
                entry.id IS NOT NULL
                AND entry.amount_before = foreseen.balance_before AND entry.amount_after = foreseen.balance_after
        ELSE
            settled.outcome IS NOT NULL AND settled.outcome = foreseen.outcome
            AND settled.problem IS NOT DISTINCT FROM foreseen.problem
            AND settled.balance_after IS NOT DISTINCT FROM foreseen.balance_after
    END;

-- name: erase_foreseen
-- The rows of a run that is kept no longer.
DELETE FROM import_row WHERE site_id = %(site_id)s AND import_id = %(import_id)s;
