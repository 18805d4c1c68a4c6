/** Kernels in WebAssembly: from the committed text to functions over a memory of their own. */

// The part of WebAssembly's interface that is used here; the types of Node leave it to those of browsers.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
}

/** `base64`: what scripts/build-wasm.ts made. The kernels import nothing and never grow their memory. */
export function makeKernel<T extends KernelExports>(base64: string): T {
  const module = new WebAssembly.Module(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
  return new WebAssembly.Instance(module).exports as T;
}
