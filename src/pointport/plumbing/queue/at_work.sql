-- What the queue knows.

-- name: list_subjects
-- What the jobs are about that wait or are at work. A statement of its own, since on Citus the queue's tables and ours
-- are not joined.
SELECT args ->> 'subject_id' AS subject_id
FROM procrastinate_jobs
WHERE status IN ('todo', 'doing');
