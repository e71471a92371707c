-- The rows of a retry, staged under its id: `line` is its own, and where the points would be is the line of the import
-- that it stands for.

-- name: lines_twice
-- Lines that more than one row stands for.
SELECT points AS line FROM import_stage
WHERE site_id = %(site_id)s AND import_id = %(child_id)s
GROUP BY points
HAVING count(*) > 1
ORDER BY points;

-- name: lines_not_failed
-- Lines that did not fail.
SELECT stage.points AS line FROM import_stage AS stage
WHERE
    stage.site_id = %(site_id)s AND stage.import_id = %(child_id)s
    AND NOT EXISTS (
        SELECT FROM import_row AS failed
        WHERE
            failed.site_id = stage.site_id AND failed.import_id = %(import_id)s AND failed.line = stage.points
            AND failed.outcome IN ('FAILED', 'UNPROCESSED')
    )
ORDER BY stage.points;

-- name: lines_closed
-- Lines that another import of the family has taken up, and that have not failed there again: they went through, or may
-- yet. A file that could not even be read has taken up nothing.
SELECT stage.points AS line FROM import_stage AS stage
LEFT JOIN retry_row AS own
    ON stage.site_id = own.site_id AND stage.points = own.line AND own.import_id = %(import_id)s
WHERE
    stage.site_id = %(site_id)s AND stage.import_id = %(child_id)s
    AND EXISTS (
        SELECT FROM retry_row AS again
        INNER JOIN loyalty_import AS retry ON again.site_id = retry.site_id AND again.import_id = retry.id
        LEFT JOIN import_row AS settled
            ON again.site_id = settled.site_id AND again.import_id = settled.import_id AND again.line = settled.line
        WHERE
            again.site_id = stage.site_id AND again.root_id = %(root_id)s
            AND again.root_line = coalesce(own.root_line, stage.points)
            AND settled.problem IS NULL
            AND NOT (retry.status = 'FAILED' AND retry.ready_rows IS NULL)
    )
ORDER BY stage.points;

-- name: lines_taken_up
-- Those of some failed lines that another import of the family has taken up, as above, and which import that is.
SELECT
    failed.line,
    again.import_id,
    retry.status
FROM import_row AS failed
LEFT JOIN retry_row AS own
    ON failed.site_id = own.site_id AND failed.line = own.line AND failed.import_id = own.import_id
INNER JOIN retry_row AS again
    ON failed.site_id = again.site_id AND again.root_line = coalesce(own.root_line, failed.line)
INNER JOIN loyalty_import AS retry ON again.site_id = retry.site_id AND again.import_id = retry.id
LEFT JOIN import_row AS settled
    ON again.site_id = settled.site_id AND again.import_id = settled.import_id AND again.line = settled.line
WHERE
    failed.site_id = %(site_id)s AND failed.import_id = %(import_id)s AND failed.line = any(%(lines)s)
    AND again.root_id = %(root_id)s
    AND settled.problem IS NULL
    AND NOT (retry.status = 'FAILED' AND retry.ready_rows IS NULL);

-- name: insert_retry_rows
-- Which row of the first import of the family each of them stands for.
INSERT INTO retry_row (site_id, import_id, line, root_id, root_line)
SELECT
    stage.site_id,
    stage.import_id,
    stage.line,
    %(root_id)s AS root_id,
    coalesce(own.root_line, stage.points) AS root_line
FROM import_stage AS stage
LEFT JOIN retry_row AS own
    ON stage.site_id = own.site_id AND stage.points = own.line AND own.import_id = %(import_id)s
WHERE stage.site_id = %(site_id)s AND stage.import_id = %(child_id)s;
