/** What this example uses of its packages, so that the project's types can be checked before they are installed. */
declare module 'hyparquet' {
  export interface AsyncBuffer {
    readonly byteLength: number;
  }
  export interface FileMetaData {
    readonly num_rows: bigint;
    readonly row_groups: readonly { readonly num_rows: bigint }[];
  }
  /** Part of a column: rows from rowStart on. */
  export interface ColumnChunk {
    readonly columnName: string;
    readonly columnData: ArrayLike<unknown>;
    readonly rowStart: number;
  }
  export function asyncBufferFromFile(path: string): Promise<AsyncBuffer>;
  export function parquetMetadataAsync(file: AsyncBuffer): Promise<FileMetaData>;
  export function parquetRead(options: {
    file: AsyncBuffer;
    metadata: FileMetaData;
    compressors: unknown;
    columns: string[];
    rowStart: number;
    rowEnd: number;
    onChunk: (chunk: ColumnChunk) => void;
  }): Promise<void>;
}

declare module 'hyparquet-compressors' {
  export const compressors: unknown;
}
