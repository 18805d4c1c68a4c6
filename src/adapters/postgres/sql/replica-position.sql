-- How far a server is behind a position of the main one's log: bytes, 0 when it has it all; null where no log is replayed.
SELECT pg_is_in_recovery() AS standby,
  greatest(0, pg_wal_lsn_diff($1::pg_lsn, pg_last_wal_replay_lsn()))::bigint AS behind_bytes,
  (SELECT epoca FROM epocas WHERE instance_id = $2) AS epoca
