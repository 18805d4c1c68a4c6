SELECT current_setting('server_version') AS version, CASE WHEN $2::bool THEN pg_database_size(current_database()) END AS bytes, e.epoca, e.confirmada_ms
FROM (SELECT) AS one LEFT JOIN epocas AS e ON e.instance_id = $1
