/**
 * Who may come in: the token, and on loopback the name under which we were called.
 *
 * A browser page of anywhere can send requests to 127.0.0.1. It cannot read our token and cannot choose its Origin, and a page that
 * rebinds its own name to 127.0.0.1 shows that name as Host: so both are looked at, and no CORS header is ever sent.
 *
 * G1 The unix socket needs no token: its mode lets only its user in.
 * G2 With a token set, TCP needs it; without one TCP is loopback only (server.ts refuses to listen elsewhere).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { CommandError } from '#nucleus/commands/command.ts';
import { CoreCError } from '#domain/errors.ts';

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || bare.endsWith('.localhost') || /^127(?:\.\d{1,3}){3}$/.test(bare);
}

export interface Guard {
  /** @throws CoreCError COREC_E_UNAUTHORIZED, COREC_E_HOST_REFUSED. */
  check(headers: IncomingHttpHeaders): void;
  /** Whether the caller proved itself by the token. */
  trusts(headers: IncomingHttpHeaders): boolean;
}

export function makeGuard(host: string, token: string | null): Guard {
  const expected = token === null ? null : digest(token);
  const local = isLoopback(host);

  function trusts(headers: IncomingHttpHeaders): boolean {
    const given = bearerOf(headers.authorization);
    // digests have one length, so that comparing takes one time whatever was sent
    return expected !== null && given !== null && timingSafeEqual(digest(given), expected);
  }

  function check(headers: IncomingHttpHeaders): void {
    const called = hostOf(headers.host);
    if (local && (called === null || !isLoopback(called))) {
      throw new CoreCError('COREC_E_HOST_REFUSED', { found: headers.host ?? '-', allowed: '127.0.0.1, localhost' });
    }
    const { origin } = headers;
    if (origin !== undefined && !sameOrigin(origin, headers.host)) {
      throw new CoreCError('COREC_E_HOST_REFUSED', { found: origin, allowed: headers.host ?? '-' });
    }
    if (expected === null || trusts(headers)) return;
    const missing = bearerOf(headers.authorization) === null;
    throw new CommandError('COREC_E_UNAUTHORIZED', {
      en: { found: missing ? 'none was sent' : 'the one sent is another' },
      es: { found: missing ? 'no se envió ninguno' : 'el enviado es otro' },
    });
  }

  return { check, trusts };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function bearerOf(authorization: string | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null;
}

/** The name without its port. */
function hostOf(header: string | undefined): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(?::\d{1,5})?$/i.exec(header ?? '');
  return match?.[1] ?? null;
}

function sameOrigin(origin: string, host: string | undefined): boolean {
  try {
    return host !== undefined && new URL(origin).host === new URL(`http://${host}`).host;
  } catch {
    return false;
  }
}
