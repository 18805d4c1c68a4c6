/**
 * What a command is: its catalogue entry, the schemas of what goes in and comes out, and the handler that does it.
 *
 * Owns the types at which the table, the doors and the nucleus meet. Leaves the rows to table.ts and carrying one out to run.ts.
 */
import type { z } from 'zod';
import { CoreCError, errorText, type ErrorCode, type ErrorDetails, type Idioma } from '#domain/errors.ts';
import type { ConfigCheck } from '#domain/config/check.ts';
import type { IngestProgress, NucleusApi } from '#ports/nucleus-api.ts';
import type {
  Arg,
  Args,
  ChoiceArg,
  CommandEntry,
  CommandRole,
  FlagArg,
  NumberArg,
  SpanArg,
  TextArg,
  TimeArg,
} from './catalogue.ts';
import type { RecentCommands } from './recent.ts';

/** The value of an argument as a handler gets it: moments and spans in ms, null for what was not given. */
export type ArgValue<A extends Arg> = A extends FlagArg
  ? boolean
  : A extends NumberArg | SpanArg
    ? number
    : A extends TimeArg
      ? number | null
      : A extends ChoiceArg
        ? A['choices'][number]
        : A extends TextArg
          ? A extends { readonly required: true } | { readonly default: string }
            ? string
            : string | null
          : never;
export type ArgValues<A extends Args> = { readonly [K in keyof A]: ArgValue<A[K]> };

/** What commands that need no nucleus ask of the configuration; app and the command line each have one. */
export interface ConfigAccess {
  /**
   * Reads and checks one file; null: the configuration in use.
   *
   * @throws ConfigError with every fault, and COREC_E_UNAUTHORIZED from a door whose callers may name no files.
   */
  check(file: string | null): Promise<ConfigCheckResult>;
}

export interface ConfigCheckResult {
  /** As a person names it. */
  readonly file: string;
  readonly check: ConfigCheck;
}

/** Everything that a command may use besides its arguments. */
export interface CommandContext {
  /** Null: no CoreC is at hand; only offline commands answer. */
  readonly api: NucleusApi | null;
  readonly idioma: Idioma;
  /** What the caller may do: `operar` includes `leer`. */
  readonly role: CommandRole;
  /** Whether the caller may name files of this machine (it proved its user or its token). */
  readonly archivos: boolean;
  /** Whether standard input of this process is the caller's own, so that `-` may be taken in. */
  readonly stdin: boolean;
  /** Name of the door, for the audit: `cli`, `http`. */
  readonly puerta: string;
  /** Who asks, for the audit. */
  readonly por: string;
  /** Given by the caller so that a resend acts once; null: made here. */
  readonly comandoId: string | null;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  /** Changing commands under way and lately done; null where nothing can be sent twice. */
  readonly recent: RecentCommands | null;
  readonly config: ConfigAccess | null;
  readonly onProgress: ((progress: IngestProgress) => void) | null;
  /** True: what the handler gives back is held against the output schema (tests). */
  readonly checkOutput: boolean;
}

/** The context of a command that stands on a nucleus, with the command id that was settled on. */
export interface HandlerContext extends Omit<CommandContext, 'comandoId'> {
  readonly comandoId: string;
}

export interface Command {
  readonly entry: CommandEntry;
  readonly input: z.ZodType<Readonly<Record<string, unknown>>>;
  readonly output: z.ZodType;
  /** `input` has passed the schema. Gives the answer, or the promise of it. */
  readonly handle: (input: never, ctx: HandlerContext & { readonly api: NucleusApi }) => unknown;
}

/** An error whose found and allowed are themselves words, given in both languages. */
export class CommandError extends CoreCError {
  override readonly name = 'CommandError';
  readonly detailsEs: ErrorDetails;

  constructor(code: ErrorCode, details: Readonly<Record<Idioma, ErrorDetails>>, cause?: unknown) {
    super(code, details.en, cause);
    this.detailsEs = details.es;
  }

  override text(idioma: Idioma): string {
    return idioma === 'es' ? errorText(this.code, this.detailsEs, 'es') : super.text(idioma);
  }
}
