SELECT pg_try_advisory_lock(hashtextextended('corec:' || $1, 0)) AS locked
