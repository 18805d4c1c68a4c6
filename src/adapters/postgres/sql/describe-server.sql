SELECT current_setting('server_version_num')::int AS version_num, current_setting('server_version') AS version,
  current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby
