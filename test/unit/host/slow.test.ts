import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Claves } from '#domain/host/claves.ts';
import { chooseMounts, makeMountClaves, usedPercent } from '#domain/host/mounts.ts';
import { parseMilliCelsius } from '#domain/host/temperature.ts';

const mountinfo = (...rows: [device: string, path: string, type: string][]): string =>
  rows
    .map(([device, path, type], k) => `${30 + k} 1 ${device} / ${path} rw,relatime shared:1 - ${type} /dev/x rw\n`)
    .join('');

describe('chooseMounts', () => {
  const choose = (...rows: [string, string, string][]): string[] =>
    chooseMounts(mountinfo(...rows)).map(({ name }) => name);

  test('takes file systems on own disks, and the memory ones that stop a machine when full', () => {
    assert.deepEqual(
      choose(
        ['0:21', '/proc', 'proc'],
        ['8:1', '/', 'ext4'],
        ['8:2', '/var/lib/docker', 'xfs'],
        ['0:30', '/run', 'tmpfs'],
        ['0:31', '/run/user/1000', 'tmpfs'],
        ['7:1', '/snap/core', 'squashfs'],
      ),
      ['raiz', 'run', 'var:lib:docker'],
    );
  });

  test('never one that a server holds: asking it may hang', () => {
    const types = ['nfs', 'nfs4', 'cifs', 'smb3', 'fuse.sshfs', '9p', 'ceph', 'autofs', 'virtiofs'];
    assert.deepEqual(choose(...types.map((type, k): [string, string, string] => [`0:${k}`, `/mnt/${type}`, type])), []);
  });

  test('takes each device once, where it is nearest to the root', () => {
    assert.deepEqual(choose(['8:1', '/srv/data/inner', 'ext4'], ['8:1', '/srv', 'ext4'], ['8:3', '/srv/b', 'ext4']), [
      'srv',
      'srv:b',
    ]);
  });

  test('in a container: its own overlay, its volumes, and not the files mounted over /etc', () => {
    assert.deepEqual(
      choose(
        ['0:50', '/', 'overlay'],
        ['8:1', '/etc/hosts', 'ext4'],
        ['8:1', '/data', 'ext4'],
        ['0:51', '/var/lib/x/merged', 'overlay'],
      ),
      ['raiz', 'data'],
    );
  });

  test('a later mount on the same path hides the earlier one', () => {
    assert.deepEqual(choose(['8:1', '/mnt', 'ext4'], ['0:9', '/mnt', 'nfs']), []);
  });

  test('reads coded spaces, and two paths never share a name', () => {
    const chosen = chooseMounts(
      mountinfo(
        ['8:1', '/my\\040disk', 'ext4'],
        ['8:2', '/my_disk', 'ext4'],
        ['8:3', '/raiz', 'ext4'],
        ['8:4', '/', 'ext4'],
      ),
    );
    assert.deepEqual(Object.fromEntries(chosen.map(({ path, name }) => [path, name])), {
      '/': 'raiz',
      '/raiz': 'raiz~2',
      '/my disk': 'my_disk',
      '/my_disk': 'my_disk~2',
    });
  });

  test('lines that are none are passed over', () => {
    assert.deepEqual(chooseMounts('\n - \n1 2 3\nx y z - ext4\n'), []);
  });
});

test('used is counted as df counts it, without what only root may use', () => {
  assert.equal(usedPercent(100, 40, 20), 75);
  assert.ok(Number.isNaN(usedPercent(0, 0, 0)));
});

test('a mount of which nothing is wanted has no claves', () => {
  assert.equal(makeMountClaves(new Claves(['cpu/*'], []), 'raiz'), null);
  assert.deepEqual(makeMountClaves(new Claves([], ['*/inodos']), 'raiz')?.inodos, null);
});

test('a temperature is in thousandths, and the ends of a range are no temperature', () => {
  assert.equal(parseMilliCelsius('45500\n'), 45.5);
  assert.equal(parseMilliCelsius('-5000\n'), -5);
  for (const text of ['', 'N/A', '-128000', '255000', '65261850', '4.5'])
    assert.ok(Number.isNaN(parseMilliCelsius(text)), text);
});
