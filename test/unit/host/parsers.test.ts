import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Claves } from '#domain/host/claves.ts';
import {
  ContainerCpuParser,
  ContainerMemoryParser,
  ContainerPidsParser,
  NumbersParser,
} from '#domain/host/container.ts';
import { CpuParser } from '#domain/host/cpu.ts';
import { DiskParser, isPartitionName } from '#domain/host/disk.ts';
import { FileNrParser, LoadParser, PressureParser } from '#domain/host/load.ts';
import { MeminfoParser, VmstatParser } from '#domain/host/memory.ts';
import { NetParser, SnmpParser } from '#domain/host/net.ts';
import type { HostParser } from '#domain/host/parser.ts';
import { cursorOf, scanTexts, scanTextsLeniently } from './parse.ts';

const all = new Claves(['*'], []);
const approx = (found: number | undefined, expected: number): void => {
  assert.ok(found !== undefined && Math.abs(found - expected) < 1e-9, `${found} is not ${expected}`);
};

describe('CpuParser', () => {
  const stat = (total: string, one: string, ctxt: number): string =>
    `cpu  ${total}\ncpu0 ${one}\ncpu1 0 0 0 100 0 0 0 0 0 0\nintr ${ctxt * 2} 0 9 ${'0 '.repeat(3000)}\nctxt ${ctxt}\nbtime 1763800000\n` +
    `processes ${ctxt + 7}\nprocs_running 3\nprocs_blocked 1\nsoftirq 77 1 2 3\n`;

  test('tells shares from the second look on, and gauges from the first', () => {
    const [first, second] = scanTexts(new CpuParser(all), [
      stat('100 10 50 1000 20 5 5 2 30 0', '50 0 20 500 10 1 1 1 0 0', 1000),
      stat('130 20 70 1120 30 6 9 7 90 0', '60 0 30 580 10 1 1 1 0 0', 1600),
    ]);
    assert.deepEqual(
      [...first!],
      [
        ['tareas/en_marcha', 3],
        ['tareas/en_espera', 1],
      ],
    );
    // 30 + 10 user, 20 system, 120 idle, 10 iowait, 1 + 4 irq, 5 stolen: 200 ticks
    approx(second!.get('cpu/total/usado'), 32.5);
    approx(second!.get('cpu/total/usuario'), 20);
    approx(second!.get('cpu/total/sistema'), 10);
    approx(second!.get('cpu/total/espera'), 5);
    approx(second!.get('cpu/total/irq'), 2.5);
    approx(second!.get('cpu/total/robado'), 2.5);
    approx(second!.get('cpu/0/usado'), 20);
    assert.equal(second!.has('cpu/1/usado'), false, 'a processor without a tick has no share to tell');
    assert.equal(second!.get('kernel/contextos_s'), 600);
    assert.equal(second!.get('kernel/interrupciones_s'), 1200);
    assert.equal(second!.get('tareas/creadas_s'), 600);
  });

  test('counts the processors, also when one goes away', () => {
    const parser = new CpuParser(all);
    scanTexts(parser, [stat('1 1 1 1', '1 1 1 1', 1)]);
    assert.equal(parser.cpus, 2);
    scanTexts(parser, ['cpu  1 1 1 1\ncpu1 1 1 1 1\n']);
    assert.equal(parser.cpus, 1);
  });

  test('idle time that goes back a tick spoils nothing', () => {
    const [, second] = scanTexts(new CpuParser(all), ['cpu 10 0 0 100 50 0 0 0\n', 'cpu 60 0 0 150 49 0 0 0\n']);
    approx(second!.get('cpu/total/usado'), 50);
    approx(second!.get('cpu/total/espera'), 0);
  });
});

describe('memory', () => {
  const meminfo = (swap: number): string =>
    `MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     600 kB\nBuffers:           50 kB\nCached:           300 kB\n` +
    `SwapCached:          0 kB\nAnonPages:        250 kB\nShmem:             20 kB\nDirty:              3 kB\nWriteback:          1 kB\n` +
    `SUnreclaim:         40 kB\nSwapTotal:        ${swap} kB\nSwapFree:          ${swap / 4} kB\n`;

  test('memory is told in bytes and as a share', () => {
    const [found] = scanTexts(new MeminfoParser(all), [meminfo(0)]);
    assert.deepEqual(Object.fromEntries(found!), {
      'mem/disponible': 600 * 1024,
      'mem/usado': 40,
      'mem/cache': 350 * 1024,
      'mem/anonima': 250 * 1024,
      'mem/compartida': 20 * 1024,
      'mem/sucia': 4 * 1024,
      'mem/slab': 40 * 1024,
    });
  });

  test('swap is told where there is some', () => {
    const parser = new MeminfoParser(all);
    const vmstat = new VmstatParser(all, parser, 4096);
    assert.equal(scanTexts(parser, [meminfo(400)])[0]!.get('swap/usado'), 75);
    const text = (n: number): string =>
      `nr_free_pages 5\npswpin ${n}\npswpout ${2 * n}\npgmajfault ${n}\noom_kill 1\npgfault 9\n`;
    assert.deepEqual(Object.fromEntries(scanTexts(vmstat, [text(10), text(15)])[1]!), {
      'swap/entra_bytes_s': 5 * 4096,
      'swap/sale_bytes_s': 10 * 4096,
      'mem/majfault_s': 5,
      'mem/oom_s': 0,
    });
    assert.deepEqual(scanTexts(parser, [meminfo(0)])[0]!.has('swap/usado'), false);
    assert.deepEqual([...scanTexts(vmstat, [text(20)])[0]!.keys()], ['mem/majfault_s', 'mem/oom_s']);
  });

  test('an old kernel that does not estimate what is available', () => {
    const [found] = scanTexts(new MeminfoParser(all), [
      'MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 5 kB\nCached: 25 kB\n',
    ]);
    assert.equal(found!.get('mem/disponible'), 40 * 1024);
    assert.equal(found!.get('mem/usado'), 60);
  });
});

describe('DiskParser', () => {
  const line = (name: string, k: number): string =>
    `   8       0 ${name} ${10 * k} 1 ${200 * k} ${40 * k} ${30 * k} 2 ${800 * k} ${160 * k} 0 ${250 * k} ${200 * k} 0 0 0 0 0 0\n`;
  const whole = (name: string): boolean => !isPartitionName(name);

  test('tells traffic, use, wait and line of whole disks', () => {
    const [first, second] = scanTexts(new DiskParser(all, whole), [
      line('sda', 1) + line('sda1', 1),
      line('sda', 2) + line('sda1', 2),
    ]);
    assert.equal(first!.size, 0);
    assert.deepEqual(Object.fromEntries(second!), {
      'disco/sda/leido_bytes_s': 200 * 512,
      'disco/sda/escrito_bytes_s': 800 * 512,
      'disco/sda/leido_ops_s': 10,
      'disco/sda/escrito_ops_s': 30,
      'disco/sda/ocupado': 25,
      'disco/sda/espera_ms': 5,
      'disco/sda/cola': 0.2,
    });
  });

  test('an idle disk has no wait to tell', () => {
    const [, second] = scanTexts(new DiskParser(all, whole), [line('sda', 3), line('sda', 3)]);
    assert.equal(second!.has('disco/sda/espera_ms'), false);
    assert.equal(second!.get('disco/sda/ocupado'), 0);
  });

  test('a disk unplugged and plugged in again starts with fresh counters, the others go on', () => {
    const scans = scanTexts(new DiskParser(all, whole), [
      line('sda', 1) + line('sdb', 100),
      line('sda', 2),
      line('sda', 3) + line('sdb', 1),
      line('sda', 4) + line('sdb', 2),
    ]);
    assert.deepEqual(
      scans.map((scan) => [scan.has('disco/sda/cola'), scan.has('disco/sdb/cola')]),
      [
        [false, false],
        [true, false],
        [true, false],
        [true, true],
      ],
    );
  });

  test('a partition is told by its name where /sys cannot say', () => {
    const partitions = 'sda1 sdaa12 vda2 xvda1 hdb3 nvme0n1p1 mmcblk0p2 mmcblk0boot0 mmcblk0rpmb loop0p1 md0p1 nbd0p1';
    const disks = 'sda sdaa vda xvda nvme0n1 nvme10n2 mmcblk0 md0 md127 dm-0 loop0 sr0 zram0 nbd0 rbd0 pmem0';
    for (const name of partitions.split(' ')) assert.equal(isPartitionName(name), true, name);
    for (const name of disks.split(' ')) assert.equal(isPartitionName(name), false, name);
  });
});

describe('network', () => {
  const titles =
    'Inter-|   Receive                                                |  Transmit\n' +
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';
  const line = (name: string, k: number): string =>
    `${name}:${k * 1000} ${k * 10} ${k} 0 5 5 5 5 ${k * 500} ${k * 4} 0 ${k * 2} 9 9 9 9\n`;

  test('tells both directions of each interface, also when a number stands right behind the colon', () => {
    const [first, second] = scanTexts(
      new NetParser(all),
      [titles + line('  eth0', 1) + line('wlan0', 1), titles + line('  eth0', 3) + line('wlan0', 1)],
      2000,
    );
    assert.equal(first!.size, 0);
    assert.deepEqual(Object.fromEntries([...second!].filter(([clave]) => clave.includes('eth0'))), {
      'red/eth0/rx_bytes_s': 1000,
      'red/eth0/rx_paquetes_s': 10,
      'red/eth0/rx_errores_s': 1,
      'red/eth0/rx_perdidos_s': 0,
      'red/eth0/tx_bytes_s': 500,
      'red/eth0/tx_paquetes_s': 4,
      'red/eth0/tx_errores_s': 0,
      'red/eth0/tx_perdidos_s': 2,
    });
    assert.equal(second!.get('red/wlan0/rx_bytes_s'), 0);
  });

  test('an interface whose counters start again gives nothing once, and never a negative rate', () => {
    const scans = scanTexts(new NetParser(all), [line('ppp0', 900), line('ppp0', 1), line('ppp0', 2)]);
    assert.deepEqual(
      scans.map((scan) => scan.get('red/ppp0/rx_bytes_s')),
      [undefined, undefined, 1000],
    );
  });

  test('TCP and UDP are found by their titles, in any order of columns', () => {
    const text = (k: number): string =>
      `Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: RtoMin MaxConn CurrEstab RetransSegs InSegs Unknown\nTcp: 200 -1 ${k + 4} ${k * 3} ${k * 100} 7\n` +
      `UdpLite: InDatagrams\nUdpLite: 5\nUdp: NoPorts InErrors InDatagrams\nUdp: 1 ${k} ${k * 2}\n`;
    const [first, second] = scanTexts(new SnmpParser(all), [text(1), text(2)]);
    assert.deepEqual([...first!], [['tcp/conexiones', 5]]);
    assert.deepEqual(Object.fromEntries(second!), {
      'tcp/conexiones': 6,
      'tcp/retrans_s': 3,
      'tcp/rx_segmentos_s': 100,
      'udp/errores_s': 1,
      'udp/rx_s': 2,
    });
  });
});

describe('short texts', () => {
  test('load and tasks', () => {
    assert.deepEqual(Object.fromEntries(scanTexts(new LoadParser(all), ['0.71 1.47 12.00 2/345 6789\n'])[0]!), {
      'carga/1m': 0.71,
      'carga/5m': 1.47,
      'carga/15m': 12,
      'tareas/hilos': 345,
    });
  });

  test('open files are those allocated less those free again', () => {
    assert.equal(scanTexts(new FileNrParser(all), ['764\t14\t2466170\n'])[0]!.get('archivos/abiertos'), 750);
  });

  test('pressure is the share of the time since the last look', () => {
    const text = (some: number, full: number): string =>
      `some avg10=6.71 avg60=8.17 avg300=4.87 total=${some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=${full}\n`;
    const scans = scanTexts(new PressureParser(all, 'io'), [
      text(1_000_000, 500),
      text(1_250_000, 500),
      text(9_250_000, 100),
    ]);
    assert.equal(scans[0]!.size, 0);
    assert.deepEqual(Object.fromEntries(scans[1]!), { 'presion/io/some': 25, 'presion/io/full': 0 });
    assert.deepEqual(Object.fromEntries(scans[2]!), { 'presion/io/some': 100 }, 'held at 100; a reset gives nothing');
    const cpu = scanTexts(new PressureParser(all, 'cpu'), [text(0, 0), text(10_000, 0)])[1]!;
    assert.deepEqual([...cpu], [['presion/cpu/some', 1]]);
  });
});

describe('container', () => {
  const cpuStat = (k: number): string =>
    `usage_usec ${k * 300_000}\nuser_usec 1\nsystem_usec 1\nnr_periods ${k * 10}\nnr_throttled ${k * 4}\nthrottled_usec 5\n`;

  test('processor use against its limit, and how often it was held back', () => {
    const limit = new NumbersParser();
    limit.scan(cursorOf('50000 100000\n'));
    const [first, second] = scanTexts(new ContainerCpuParser(all, limit), [cpuStat(1), cpuStat(2)]);
    assert.equal(first!.size, 0);
    assert.deepEqual(Object.fromEntries(second!), {
      'contenedor/cpu': 30,
      'contenedor/cpu_usado': 60,
      'contenedor/frenado': 40,
    });
  });

  test('without limits there are no shares', () => {
    const none = new NumbersParser();
    none.scan(cursorOf('max 100000\n'));
    assert.equal(none.first, Number.POSITIVE_INFINITY);
    const cpu = scanTexts(new ContainerCpuParser(all, none), [cpuStat(1), cpuStat(2)])[1]!;
    assert.equal(cpu.has('contenedor/cpu_usado'), false);
    const current = new NumbersParser();
    current.scan(cursorOf('9000\n'));
    const mem = scanTexts(new ContainerMemoryParser(all, current, none), ['anon 1\ninactive_file 4000\nfile 9\n'])[0]!;
    assert.deepEqual([...mem], [['contenedor/mem', 5000]]);
  });

  test('memory against its limit, and tasks', () => {
    const current = new NumbersParser();
    current.scan(cursorOf('9000\n'));
    const limit = new NumbersParser();
    limit.scan(cursorOf('20000\n'));
    const mem = scanTexts(new ContainerMemoryParser(all, current, limit), ['inactive_file 4000\n'])[0]!;
    assert.equal(mem.get('contenedor/mem_usado'), 25);
    assert.equal(scanTexts(new ContainerPidsParser(all), ['17\n'])[0]!.get('contenedor/tareas'), 17);
  });
});

describe('any text', () => {
  const parsers = (): HostParser[] => {
    const meminfo = new MeminfoParser(all);
    const numbers = new NumbersParser();
    return [
      new CpuParser(all),
      meminfo,
      new VmstatParser(all, meminfo, 4096),
      new DiskParser(all, () => true),
      new NetParser(all),
      new SnmpParser(all),
      new LoadParser(all),
      new FileNrParser(all),
      new PressureParser(all, 'io'),
      numbers,
      new ContainerCpuParser(all, numbers),
      new ContainerMemoryParser(all, numbers, numbers),
      new ContainerPidsParser(all),
    ];
  };
  const words =
    'cpu cpu0 intr ctxt MemTotal: MemAvailable: SwapTotal: kB pswpin sda eth0: Tcp: CurrEstab RetransSegs some full total=5 usage_usec max'.split(
      ' ',
    );
  const token = fc.oneof(
    fc.constantFrom(...words, ' ', '\n', '\n', '\t', ':', '-', '.', '/'),
    fc.bigInt({ min: -5n, max: 2n ** 64n }).map(String),
    fc.constantFrom('\u0000', '\u00ff', '☕', '(', ')'),
  );
  const text = fc.array(token, { maxLength: 40 }).map((tokens) => tokens.join(' '));

  test('never makes a parser throw, and never a reading that is not finite', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 2, maxLength: 4 }), fc.constantFrom(0, 1, 1000), (texts, stepMs) => {
        for (const parser of parsers()) {
          for (const scan of scanTextsLeniently(parser, texts, stepMs)) assert.ok(scan.every(Number.isFinite));
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a parser of which nothing is wanted says so', () => {
    const none = new Claves(['nothing'], []);
    assert.deepEqual(
      [new LoadParser(none), new FileNrParser(none), new PressureParser(none, 'io'), new SnmpParser(none)].map(
        (parser) => parser.wanted,
      ),
      [false, false, false, false],
    );
    assert.equal(new LoadParser(all).wanted, true);
  });
});
