/** What the machine tells of itself, on this one and on trees of files like other machines'. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { readCpu, readCpuQuota } from '#adapters/host-check/cpu.ts';
import { measureFsync, readDisk } from '#adapters/host-check/disk.ts';
import { readMemory, readMemoryLimit } from '#adapters/host-check/memory.ts';
import { tempFolder } from '../../support/temp-folder.ts';

function tree(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = tempFolder(t);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

describe('host-check', () => {
  test('this machine has memory, cores and a disk, in believable numbers', async (t) => {
    const memory = readMemory();
    assert.ok(memory.rssBytes > 10e6 && memory.rssBytes <= memory.machineBytes);
    assert.ok(memory.rssMaxBytes >= memory.rssBytes * 0.9);
    assert.ok(memory.limitBytes === null || memory.limitBytes > memory.rssBytes);
    assert.ok(memory.machineFreeBytes > 0);
    assert.ok(readCpu().cores >= 1);
    const disk = await readDisk(tempFolder(t));
    assert.ok(disk.freeBytes > 0 && disk.freeBytes <= disk.totalBytes);
  });

  test('fsync is timed on the folder that is asked about, and nothing is left there', async (t) => {
    const folder = tempFolder(t);
    const times = await measureFsync(folder, 5);
    assert.ok(times.samples >= 1 && times.samples <= 5);
    assert.ok(times.medianMs > 0 && times.maxMs >= times.medianMs);
    assert.deepEqual(readdirSync(folder), []);
    await assert.rejects(measureFsync(join(folder, 'away')), { code: 'ENOENT' });
  });

  test('memory limit of control groups 2: the tightest from the group upwards', (t) => {
    const root = tree(t, {
      'proc/self/cgroup': '0::/system.slice/corec.service\n',
      'sys/fs/cgroup/system.slice/corec.service/memory.max': 'max\n',
      'sys/fs/cgroup/system.slice/memory.max': '2147483648\n',
      'sys/fs/cgroup/memory.max': '8589934592\n',
    });
    assert.equal(readMemoryLimit(root), 2_147_483_648);
  });

  test('memory limit of control groups 1, also where the path is that of outside the container', (t) => {
    const root = tree(t, {
      'proc/self/cgroup': '9:name=systemd:/\n4:cpu,memory:/docker/4711\n0::/\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '1073741824\n',
    });
    assert.equal(readMemoryLimit(root), 1_073_741_824);
  });

  test('no limit is null', (t) => {
    const unlimited = tree(t, {
      'proc/self/cgroup': '4:memory:/\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    });
    assert.equal(readMemoryLimit(unlimited), null);
    assert.equal(readMemoryLimit(tree(t, { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': 'max' })), null);
    assert.equal(readMemoryLimit(tempFolder(t)), null);
  });

  test('a quota of processor time is told in cores', (t) => {
    assert.equal(readCpuQuota(tree(t, { 'sys/fs/cgroup/cpu.max': '150000 100000\n' })), 1.5);
    assert.equal(readCpuQuota(tree(t, { 'sys/fs/cgroup/cpu.max': 'max 100000\n' })), null);
    const old = { 'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' };
    assert.equal(readCpuQuota(tree(t, { ...old, 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000\n' })), 2);
    assert.equal(readCpuQuota(tree(t, { ...old, 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n' })), null);
  });
});
