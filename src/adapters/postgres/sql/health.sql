SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes, e.epoca, e.confirmada_ms
FROM (SELECT) AS one LEFT JOIN epocas AS e ON e.instance_id = $1
