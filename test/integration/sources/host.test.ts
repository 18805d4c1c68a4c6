import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { totalmem, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { HostSource } from '#adapters/sources/host/host-source.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { fuenteHostSchema } from '#domain/host/config.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { SourceState } from '#ports/source.ts';
import { lecturasOf } from '../../unit/host/parse.ts';

const START_MS = Date.UTC(2026, 0, 1);

class Lines implements Logger {
  readonly lines: string[] = [];
  debug(_tag: string, text: string): void {
    this.lines.push(text);
  }
  info(_tag: string, text: string): void {
    this.lines.push(text);
  }
  warn(_tag: string, text: string): void {
    this.lines.push(text);
  }
  error(_tag: string, text: string): void {
    this.lines.push(text);
  }
}

interface Scan {
  readonly found: Map<string, number>;
  readonly state: SourceState;
  readonly batch: LecturaBatch;
}

async function readOnce(source: HostSource): Promise<Scan> {
  const batch = new LecturaBatch(8192);
  const state = await source.read(batch);
  return { found: lecturasOf(batch), state, batch };
}

/** A made-up machine below a folder of its own, on virtual time. */
class Machine {
  readonly root: string;
  readonly clock = new VirtualClock(START_MS);
  readonly logger = new Lines();

  constructor(context: TestContext) {
    this.root = mkdtempSync(join(tmpdir(), 'corec-host-'));
    context.after(() => rmSync(this.root, { recursive: true, force: true }));
    this.write('proc/stat', 'cpu  0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0\n');
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  writeProcess(
    pid: number,
    process: { name?: string; ticks?: number; rssPages?: number; startTicks?: number; flags?: number; state?: string },
  ): void {
    const { name = 'worker', ticks = 0, rssPages = 1000, startTicks = 5, flags = 0, state = 'S' } = process;
    this.write(
      `proc/${pid}/stat`,
      `${pid} (${name}) ${state} 1 1 1 0 -1 ${flags} 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${startTicks} 999 ${rssPages} 1 1\n`,
    );
  }

  async open(context: TestContext, config: object = {}): Promise<HostSource> {
    const source = new HostSource(
      fuenteHostSchema.parse({ tipo: 'host', bloque: 'host', raiz: this.root, ...config }),
      this,
    );
    context.after(() => source.close());
    await source.open(null);
    return source;
  }

  /** The next scan, `ms` later. */
  async scan(source: HostSource, ms: number = 1000): Promise<Map<string, number>> {
    await this.clock.advance(ms);
    return (await readOnce(source)).found;
  }

  /** Scans until `clave` comes, since slow gauges answer when the disk does. */
  async scanUntil(source: HostSource, clave: string): Promise<Map<string, number>> {
    const deadline = performance.now() + 10_000;
    while (performance.now() < deadline) {
      const found = await this.scan(source);
      if (found.has(clave)) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`${clave} did not come`);
  }
}

const openFds = (): number => readdirSync('/proc/self/fd').length;

describe('a made-up machine', () => {
  test('the first scan gives gauges, the second rates, each with the time of its scan', async (t) => {
    const machine = new Machine(t);
    machine.write('proc/loadavg', '1.50 0.75 0.25 1/77 99\n');
    machine.write('proc/net/dev', '  eth0: 1000 10 0 0 0 0 0 0 500 5 0 0 0 0 0 0\n');
    machine.write('proc/diskstats', ' 8 0 sda 1 0 8 4 1 0 8 4 0 8 8\n 8 1 sda1 1 0 8 4 1 0 8 4 0 8 8\n');
    const source = await machine.open(t);
    assert.deepEqual([source.id, source.live, source.replayable], ['host:host', true, false]);

    const first = await readOnce(source);
    assert.deepEqual(Object.fromEntries(first.found), {
      'carga/1m': 1.5,
      'carga/5m': 0.75,
      'carga/15m': 0.25,
      'tareas/hilos': 77,
    });
    assert.deepEqual(first.state, { kind: 'idle', retryMs: 1000 });
    assert.equal(first.batch.tsMs[0], START_MS);

    machine.write('proc/stat', 'cpu  30 0 0 70 0 0 0 0\ncpu0 30 0 0 70 0 0 0 0\n');
    machine.write('proc/net/dev', '  eth0: 3000 10 0 0 0 0 0 0 500 5 0 0 0 0 0 0\n');
    machine.write('proc/diskstats', ' 8 0 sda 3 0 24 24 1 0 8 4 0 508 8\n 8 1 sda1 3 0 24 24 1 0 8 4 0 508 8\n');
    await machine.clock.advance(2000);
    const second = await readOnce(source);
    assert.equal(second.found.get('cpu/total/usado'), 30);
    assert.equal(second.found.get('cpu/0/usado'), 30);
    assert.equal(second.found.get('red/eth0/rx_bytes_s'), 1000);
    assert.equal(second.found.get('disco/sda/leido_bytes_s'), (16 * 512) / 2);
    assert.equal(second.found.get('disco/sda/espera_ms'), 10);
    assert.equal(second.found.get('disco/sda/ocupado'), 25);
    assert.equal(second.found.has('disco/sda1/ocupado'), false, 'a partition');
    assert.equal(second.batch.tsMs[0], START_MS + 2000);
    assert.deepEqual(source.position(), {});
    assert.equal(source.progress().rows, first.batch.length + second.batch.length);
    assert.ok(source.progress().bytesDone > 100);
  });

  test('scans stand on a grid: late ones do not move it, and none comes soon after a late one', async (t) => {
    const machine = new Machine(t);
    const source = await machine.open(t);
    const readAt = async (ms: number): Promise<number> => {
      await machine.clock.advance(ms - machine.clock.monotonicMs());
      const { state } = await readOnce(source);
      assert.equal(state.kind, 'idle');
      return ms + (state.kind === 'idle' ? state.retryMs : 0);
    };
    assert.equal(await readAt(0), 1000);
    assert.equal(await readAt(400), 1000, 'too early: nothing is scanned');
    assert.equal(await readAt(1000), 2000);
    assert.equal(await readAt(2300), 3000, 'late');
    assert.equal(await readAt(3900), 5000, 'so late that the next place is too near');
    assert.equal(await readAt(60_000), 61_000);
  });

  test('a scan larger than a batch goes on in the next, with one time', async (t) => {
    const machine = new Machine(t);
    machine.write('proc/loadavg', '1.5 0.5 0.2 1/77 99\n');
    machine.write('proc/sys/fs/file-nr', '10 0 99\n');
    const source = await machine.open(t);
    const claves: string[] = [];
    const kinds: string[] = [];
    for (let k = 0; k < 3; k++) {
      const batch = new LecturaBatch(2, 4);
      kinds.push((await source.read(batch)).kind);
      claves.push(...lecturasOf(batch).keys());
      await machine.clock.advance(1);
    }
    assert.deepEqual(kinds, ['more', 'more', 'idle']);
    assert.deepEqual(claves, ['carga/1m', 'carga/5m', 'carga/15m', 'tareas/hilos', 'archivos/abiertos']);
  });

  test('what a machine does not have is left out and said once', async (t) => {
    const machine = new Machine(t);
    mkdirSync(join(machine.root, 'proc/vmstat'));
    const source = await machine.open(t);
    for (let k = 0; k < 200; k++) await machine.scan(source);
    const said = machine.logger.lines.join('\n');
    for (const path of [
      'proc/loadavg (ENOENT)',
      'proc/vmstat (EISDIR)',
      'proc/pressure/io (ENOENT)',
      'mountinfo (ENOENT)',
    ]) {
      assert.equal(said.split(path).length, 2, `${path} in\n${said}`);
    }
    assert.ok(machine.logger.lines.length <= 2, said);
  });

  test('a text that appears later is found within a minute, and one that goes away is no error', async (t) => {
    const machine = new Machine(t);
    const source = await machine.open(t);
    await machine.scan(source);
    machine.write('proc/sys/fs/file-nr', '10 0 99\n');
    let scans = 0;
    while (!(await machine.scan(source)).has('archivos/abiertos')) assert.ok(++scans <= 60);
    machine.remove('proc/stat');
    await machine.scan(source);
  });

  test('where there is no /proc it says what to do', async (t) => {
    const machine = new Machine(t);
    machine.remove('proc');
    await assert.rejects(machine.open(t), { code: 'COREC_E_SOURCE_OPEN', message: /proc\/stat.*ENOENT.*raiz/ });
  });

  test('whole disks are those that /sys lists, where there is a /sys', async (t) => {
    const machine = new Machine(t);
    mkdirSync(join(machine.root, 'sys/block/xvda1'), { recursive: true });
    const text = (n: number): string =>
      ['xvda1', 'sdz'].map((name) => ` 8 0 ${name} ${n} 0 8 4 1 0 8 4 0 8 8\n`).join('');
    machine.write('proc/diskstats', text(1));
    const source = await machine.open(t, { include: ['disco/*'] });
    await machine.scan(source);
    machine.write('proc/diskstats', text(2));
    const found = await machine.scan(source);
    assert.equal(found.get('disco/xvda1/leido_ops_s'), 1);
    assert.equal(found.has('disco/sdz/leido_ops_s'), false);
  });

  test('in a container the limits of its group are told', async (t) => {
    const machine = new Machine(t);
    const group = (usage: number): void => {
      machine.write('sys/fs/cgroup/cpu.stat', `usage_usec ${usage}\nnr_periods ${usage / 1000}\nnr_throttled 0\n`);
      machine.write('sys/fs/cgroup/cpu.max', '200000 100000\n');
      machine.write('sys/fs/cgroup/memory.current', '5000000\n');
      machine.write('sys/fs/cgroup/memory.max', '8000000\n');
      machine.write('sys/fs/cgroup/memory.stat', 'anon 3\ninactive_file 1000000\n');
      machine.write('sys/fs/cgroup/pids.current', '12\n');
    };
    group(1_000_000);
    const source = await machine.open(t);
    await machine.scan(source);
    group(2_500_000);
    const found = await machine.scan(source);
    assert.deepEqual(Object.fromEntries([...found].filter(([clave]) => clave.startsWith('contenedor/'))), {
      'contenedor/cpu': 150,
      'contenedor/cpu_usado': 75,
      'contenedor/frenado': 0,
      'contenedor/mem': 4_000_000,
      'contenedor/mem_usado': 50,
      'contenedor/tareas': 12,
    });
  });

  test('file systems and temperatures come every so often, by names that outlive a boot', async (t) => {
    const machine = new Machine(t);
    machine.write(
      'proc/self/mountinfo',
      '30 1 8:1 / / rw - ext4 /dev/sda1 rw\n31 30 0:9 / /gone rw - xfs /dev/sdb rw\n',
    );
    const chip = (n: number, name: string, device: string, files: Record<string, string>): void => {
      const path = `sys/class/hwmon/hwmon${n}`;
      machine.write(`${path}/name`, `${name}\n`);
      for (const [file, text] of Object.entries(files)) machine.write(`${path}/${file}`, `${text}\n`);
      symlinkSync(`../../${device}`, join(machine.root, path, 'device'));
    };
    chip(0, 'coretemp', 'coretemp.0', { temp1_input: '45000', temp1_label: 'Package id 0', temp2_input: '44000' });
    chip(1, 'nvme', 'nvme0', { temp1_input: '38850', temp1_label: 'Composite', fan1_input: '1200' });
    chip(10, 'nvme', 'nvme1', { temp1_input: '39000', temp1_label: 'Composite', temp2_input: '-128000' });
    machine.write('sys/class/thermal/thermal_zone0/type', 'acpitz\n');
    machine.write('sys/class/thermal/thermal_zone0/temp', '27800\n');
    const source = await machine.open(t);
    const seen = new Map<string, number>();
    const times = new Map<string, number>();
    // Sixty scans, a second of the machine's apart, are six rounds.
    for (let k = 0; k < 60; k++) {
      for (const [clave, valor] of await machine.scan(source)) {
        seen.set(clave, valor);
        times.set(clave, (times.get(clave) ?? 0) + 1);
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.deepEqual(Object.fromEntries([...seen].filter(([clave]) => clave.startsWith('temp/'))), {
      'temp/coretemp.Package_id_0': 45,
      'temp/coretemp.temp2': 44,
      'temp/nvme@nvme0.Composite': 38.85,
      'temp/nvme@nvme1.Composite': 39,
    });
    assert.ok(seen.get('fs/raiz/libre')! >= 0);
    assert.ok(seen.get('fs/raiz/usado')! >= 0 && seen.get('fs/raiz/usado')! <= 100);
    for (const [clave, count] of times) {
      if (/^(fs|temp)\//.test(clave)) assert.ok(count <= 6, `${clave} came ${count} times`);
    }
    assert.ok(machine.logger.lines.some((line) => line.includes('/gone (ENOENT)')));
  });

  test('a board without hwmon gives its thermal zones', async (t) => {
    const machine = new Machine(t);
    for (const n of [0, 1]) {
      machine.write(`sys/class/thermal/thermal_zone${n}/type`, 'cpu-thermal\n');
      machine.write(`sys/class/thermal/thermal_zone${n}/temp`, `${50 + n}000\n`);
    }
    machine.write('sys/class/thermal/cooling_device0/type', 'fan\n');
    const source = await machine.open(t);
    assert.equal((await machine.scanUntil(source, 'temp/cpu-thermal~2')).get('temp/cpu-thermal~2'), 51);
  });

  test('with the root of another machine mounted, its network and mounts are those its first process sees', async (t) => {
    const machine = new Machine(t);
    machine.writeProcess(1, {});
    machine.write('proc/net/dev', '  own: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n');
    machine.write('proc/1/net/dev', '  eth0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n');
    machine.write('proc/1/mountinfo', '30 1 8:1 / / rw - ext4 /dev/sda1 rw\n');
    const source = await machine.open(t);
    await machine.scan(source);
    const found = await machine.scan(source);
    assert.equal(found.get('red/eth0/rx_bytes_s'), 0);
    assert.equal(found.has('red/own/rx_bytes_s'), false);
    await machine.scanUntil(source, 'fs/raiz/usado');
  });

  test('claves not wanted are never made, and a part that is off is not read', async (t) => {
    const machine = new Machine(t);
    machine.write('proc/loadavg', '1.50 0.75 0.25 1/77 99\n');
    machine.write('proc/sys/fs/file-nr', '10 0 99\n');
    machine.writeProcess(7, {});
    const source = await machine.open(t, { include: ['carga/*'], exclude: ['*/5m'], procesos: { max: 0 } });
    assert.deepEqual([...(await machine.scan(source)).keys()], ['carga/1m', 'carga/15m']);
  });
});

describe('processes of a made-up machine', () => {
  const ofProcesses = (found: Map<string, number>): Record<string, number> =>
    Object.fromEntries([...found].filter(([clave]) => clave.startsWith('proc/')));

  async function prepare(t: TestContext, procesos: object = {}): Promise<{ machine: Machine; source: HostSource }> {
    const machine = new Machine(t);
    // 4,000,000 bytes: a page is a thousandth
    machine.write('proc/meminfo', 'MemTotal: 4000 kB\nMemAvailable: 2000 kB\n');
    machine.writeProcess(10, { name: 'postgres', ticks: 100, rssPages: 100 });
    const source = await machine.open(t, { include: ['proc/*'], procesos });
    return { machine, source };
  }

  test('processor use as percent of one processor, memory in bytes; kernel threads and zombies are left out', async (t) => {
    const { machine, source } = await prepare(t);
    machine.writeProcess(2, { name: 'kthreadd', flags: 0x0020_8040 });
    machine.writeProcess(11, { name: 'gone', state: 'Z' });
    assert.deepEqual(ofProcesses(await machine.scan(source)), {});
    machine.writeProcess(10, { name: 'postgres', ticks: 125, rssPages: 100 });
    assert.deepEqual(ofProcesses(await machine.scan(source)), {
      'proc/10.postgres/cpu': 25,
      'proc/10.postgres/rss': 409_600,
    });
  });

  test('kernel threads come when they are asked for', async (t) => {
    const { machine, source } = await prepare(t, { hilos_kernel: true });
    machine.writeProcess(2, { name: 'kworker/0:1', flags: 0x0020_8040, rssPages: 5 });
    await machine.scan(source);
    assert.ok((await machine.scan(source)).has('proc/2.kworker_0:1/cpu'));
  });

  test('a process that starts later is reported when it is old enough, and one that ends is not any more', async (t) => {
    const { machine, source } = await prepare(t);
    await machine.scan(source);
    machine.writeProcess(20, { name: 'java', rssPages: 500 });
    const appeared: number[] = [];
    for (let second = 1; second <= 25; second++) {
      if ('proc/20.java/rss' in ofProcesses(await machine.scan(source))) appeared.push(second);
    }
    assert.ok(appeared[0]! >= 10 && appeared[0]! <= 17, `after ${appeared[0]} s`);
    assert.equal(appeared.length, 26 - appeared[0]!, 'without gaps');
    machine.remove('proc/20');
    for (let second = 1; second <= 5; second++) await machine.scan(source);
    assert.deepEqual(Object.keys(ofProcesses(await machine.scan(source))), [
      'proc/10.postgres/cpu',
      'proc/10.postgres/rss',
    ]);
  });

  test('a pid given to another process is another clave, without a rate across the two', async (t) => {
    const { machine, source } = await prepare(t, { edad_min_s: 0 });
    await machine.scan(source);
    await machine.scan(source);
    machine.writeProcess(10, { name: 'nginx', ticks: 9000, rssPages: 100, startTicks: 77 });
    const later: Record<string, number> = {};
    for (let second = 0; second < 10; second++) {
      const found = ofProcesses(await machine.scan(source));
      assert.equal('proc/10.postgres/cpu' in found, false);
      Object.assign(later, found);
    }
    assert.deepEqual(later, { 'proc/10.nginx/cpu': 0, 'proc/10.nginx/rss': 409_600 });
  });

  test('the name of a runtime gives way to that of the program', async (t) => {
    const { machine, source } = await prepare(t);
    machine.writeProcess(30, { name: 'MainThread', rssPages: 300 });
    machine.write('proc/30/cmdline', '/usr/bin/node\0server.js\0');
    machine.writeProcess(31, { name: 'MainThread', rssPages: 300 });
    await machine.scanUntil(source, 'proc/30.node/rss');
    // Nothing better is known of this one.
    await machine.scanUntil(source, 'proc/31.MainThread/rss');
  });

  test('among more processes than seats the heaviest are reported, whatever is looked at in one scan', async (t) => {
    const { machine, source } = await prepare(t, { max: 3, leidos_max: 16 });
    for (let pid = 100; pid < 200; pid++) machine.writeProcess(pid, { rssPages: pid < 197 ? 20 : 200 + pid });
    let found: Record<string, number> = {};
    for (let second = 0; second < 60; second++) {
      found = ofProcesses(await machine.scan(source));
      assert.ok(Object.keys(found).length <= 6);
    }
    assert.deepEqual(
      Object.keys(found)
        .filter((clave) => clave.endsWith('rss'))
        .sort(),
      ['proc/197.worker/rss', 'proc/198.worker/rss', 'proc/199.worker/rss'],
    );
  });

  test('processes that are not wanted give their seats to others', async (t) => {
    const machine = new Machine(t);
    machine.write('proc/meminfo', 'MemTotal: 4000 kB\n');
    for (let pid = 10; pid < 40; pid++)
      machine.writeProcess(pid, { name: pid === 20 ? 'wanted' : 'other', rssPages: 500 - pid });
    const source = await machine.open(t, { include: ['proc/*.wanted/rss'], procesos: { max: 2 } });
    let claves: string[] = [];
    for (let second = 0; second < 20 && claves.length === 0; second++)
      claves = [...(await machine.scan(source)).keys()];
    assert.deepEqual(claves, ['proc/20.wanted/rss']);
  });
});

describe('this machine', () => {
  const isLinux = existsSync('/proc/stat');
  const own = `proc/${process.pid}.`;

  async function openHere(t: TestContext, config: object = {}, clock: Clock = makeSystemClock()): Promise<HostSource> {
    const source = new HostSource(
      fuenteHostSchema.parse({ tipo: 'host', bloque: 'host', intervalo_ms: 100, ...config }),
      {
        clock,
        logger: new Lines(),
      },
    );
    t.after(() => source.close());
    await source.open(null);
    return source;
  }

  async function nextScan(source: HostSource): Promise<Map<string, number>> {
    for (;;) {
      const { found, state } = await readOnce(source);
      assert.equal(state.kind, 'idle');
      if (found.size > 0) return found;
      await new Promise((resolve) => setTimeout(resolve, state.kind === 'idle' ? Math.min(20, state.retryMs) : 0));
    }
  }

  function assertPlausible(found: Map<string, number>): void {
    const isShare =
      /^(cpu|presion|fs\/.*\/(usado|inodos)$|mem\/usado|swap\/usado|disco\/.*\/ocupado$|contenedor\/(frenado|mem_usado|cpu_usado))/;
    for (const [clave, valor] of found) {
      assert.ok(Number.isFinite(valor), clave);
      if (isShare.test(clave)) assert.ok(valor >= 0 && valor <= 100, `${clave} ${valor}`);
      else if (!clave.startsWith('temp/')) assert.ok(valor >= 0, `${clave} ${valor}`);
      if (/^mem\/(?!usado|.*_s$)|\/rss$/.test(clave)) assert.ok(valor <= totalmem(), `${clave} ${valor}`);
    }
  }

  test('values are plausible, and a process that burns a processor shows it', { skip: !isLinux }, async (t) => {
    const source = await openHere(t, { intervalo_ms: 250, intervalo_lento_ms: 1000, procesos: { edad_min_s: 0 } });
    await nextScan(source);
    const seen = new Map<string, number>();
    const deadline = performance.now() + 20_000;
    let burned = 0;
    let hasMounts = false;
    for (let scans = 0; performance.now() < deadline && (scans < 6 || burned < 30 || !hasMounts); scans++) {
      const until = performance.now() + 200;
      for (let k = 0; performance.now() < until; k++) Math.sqrt(k);
      const found = await nextScan(source);
      assertPlausible(found);
      for (const [clave, valor] of found) {
        seen.set(clave, valor);
        if (clave.startsWith(own) && clave.endsWith('/cpu')) burned = Math.max(burned, valor);
        if (clave.startsWith('fs/')) hasMounts = true;
      }
    }
    assert.ok(burned >= 30, `own use of a processor: ${burned} %`);
    for (const clave of [
      'cpu/total/usado',
      'cpu/0/usado',
      'mem/disponible',
      'carga/1m',
      'kernel/contextos_s',
      'archivos/abiertos',
      'tcp/conexiones',
    ]) {
      assert.ok(seen.has(clave), `${clave} among ${[...seen.keys()].join(' ')}`);
    }
    assert.ok(seen.get(`${own}node/rss`)! > 20_000_000);
  });

  test('without root it goes on with what it may read', { skip: !isLinux }, async (t) => {
    const seteuid = process.getuid?.() === 0 ? process.seteuid?.bind(process) : undefined;
    seteuid?.(65_534);
    t.after(() => seteuid?.(0));
    const source = await openHere(t);
    await nextScan(source);
    const found = await nextScan(source);
    assertPlausible(found);
    assert.ok(found.has('cpu/total/usado') && found.has('mem/disponible'));
  });

  test(
    'processes that come and go under its eyes are no error, and every descriptor is given back',
    { skip: !isLinux },
    async (t) => {
      const before = openFds();
      // Ten of its seconds are one of ours: several listings of processes in little time.
      const clock = makeSystemClock();
      const hasty = { ...clock, monotonicMs: () => clock.monotonicMs() * 10 };
      const source = await openHere(t, { intervalo_ms: 500, procesos: { edad_min_s: 0, max: 50 } }, hasty);
      const endMs = performance.now() + 2000;
      let running = 0;
      while (performance.now() < endMs) {
        for (; running < 8; running++) {
          spawn('sleep', [String(Math.random() / 5)], { stdio: 'ignore' }).once('exit', () => running--);
        }
        assertPlausible(await nextScan(source));
      }
      assert.ok(openFds() > before);
      await source.close();
      const deadline = performance.now() + 10_000;
      while (openFds() > before && performance.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20));
      assert.ok(openFds() <= before, `${openFds()} descriptors, ${before} before`);
      await source.open(null);
      assert.ok((await readOnce(source)).found.size > 0, 'and it can be opened again');
    },
  );

  test('a scan with 200 more processes costs less than 10 ms of a processor', { skip: !isLinux }, async (t) => {
    const sleepers: ChildProcess[] = [];
    t.after(() => sleepers.forEach((child) => child.kill('SIGKILL')));
    for (let k = 0; k < 200; k++) sleepers.push(spawn('sleep', ['600'], { stdio: 'ignore' }));
    const source = await openHere(t);
    const costs: number[] = [];
    for (let k = 0; k < 30; k++) {
      const batch = new LecturaBatch(8192);
      const before = process.cpuUsage();
      const state = await source.read(batch);
      const used = process.cpuUsage(before);
      costs.push((used.user + used.system) / 1000);
      await new Promise((resolve) => setTimeout(resolve, state.kind === 'idle' ? state.retryMs : 0));
    }
    const median = costs.slice(10).sort((a, b) => a - b)[10]!;
    t.diagnostic(`median of 20 scans: ${median.toFixed(2)} ms`);
    assert.ok(median < 10, `${median} ms`);
  });
});
