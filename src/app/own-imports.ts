/** Lets a user's own files import 'corec' wherever they lie: Node alone would find the package only from inside its folder. */
import { registerHooks } from 'node:module';

let done = false;

export function resolveCorecAnywhere(): void {
  if (done) return;
  done = true;
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, specifier === 'corec' ? { ...context, parentURL: import.meta.url } : context),
  });
}
