/**
 * The settings of the embedded server, and the sum behind each that is not obvious.
 *
 * They are given as arguments at every start, so they follow CoreC's version and no file of the server's user is written by a CoreC
 * that is root; settings not named here can be changed with ALTER SYSTEM.
 * fsync, synchronous_commit and full_page_writes stay at their defaults (on): a committed epoch survives a power cut.
 */

export const SOCKET_PORT = 5432;
export const SUPERUSER = 'corec';
export const DATABASE = 'postgres';

/** The number under which every process of the server inherits the open folder. */
export const FOLDER_FD = 3;
/**
 * The server's folder as its own processes name it: by the handle they inherit. So its user need not be able to enter the folders
 * above, and the path is short although the real one may exceed the 107 bytes of a socket's. (The working folder would do as well from
 * version 16 on; older programs leave it for a moment to find themselves, and cannot come back.)
 */
export const OWN_FOLDER = `/proc/self/fd/${FOLDER_FD}`;

export function makeArguments(major: number): string[] {
  const settings: [string, string | number][] = [
    ['listen_addresses', ''],
    ['unix_socket_directories', OWN_FOLDER],
    ['unix_socket_permissions', '0700'],
    ['port', SOCKET_PORT],
    ['max_connections', 20],
    // An epoch's columns go through a 16 MB ring of COPY; a larger cache was measured to gain under 5 %.
    ['shared_buffers', '32MB'],
    ['work_mem', '4MB'],
    ['maintenance_work_mem', '16MB'],
    ['huge_pages', 'off'],
    ['jit', 'off'],
    ['max_worker_processes', 0],
    ['max_parallel_workers', 0],
    ['max_parallel_workers_per_gather', 0],
    ['max_parallel_maintenance_workers', 0],
    ['max_logical_replication_workers', 0],
    // Nobody replicates the embedded server, and without WAL for freshly truncated tables an epoch writes its columns once, not twice.
    ['wal_level', 'minimal'],
    ['max_wal_senders', 0],
    ['wal_compression', 'on'],
    // 96 MB replay in well under a second after kill -9, and are all the disk that the log takes.
    ['max_wal_size', '96MB'],
    ['min_wal_size', '32MB'],
    // An idle swarm writes little: each checkpoint costs it an image of every page touched since.
    ['checkpoint_timeout', '15min'],
    ['checkpoint_completion_target', 0.5],
    // Many epochs in a hurry (a replay) are no reason to complain.
    ['checkpoint_warning', 0],
    ['autovacuum_max_workers', 1],
    ['autovacuum_naptime', '60s'],
    ['bgwriter_delay', '1s'],
    // An epoch's pages start for the disk while it is still being copied, so that the commit has less to wait for (measured: 10 to 20 %).
    ['backend_flush_after', '1MB'],
    ['timezone', 'UTC'],
    ['log_timezone', 'UTC'],
    ['logging_collector', 'off'],
    ['log_destination', 'stderr'],
    ['log_min_messages', 'warning'],
    // A failed statement may carry megabytes.
    ['log_min_error_statement', 'panic'],
    ['log_checkpoints', 'off'],
    ['log_line_prefix', '%m [%p] '],
    ['cluster_name', 'corec'],
  ];
  // A killed CoreC's statement ends within seconds instead of running on for nobody.
  if (major >= 14) settings.push(['client_connection_check_interval', '5s']);
  // Three helper processes less; the data set is small and cached.
  if (major >= 18) settings.push(['io_method', 'sync']);
  return ['-D', OWN_FOLDER, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
