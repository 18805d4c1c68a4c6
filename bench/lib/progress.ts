/** Says what a row is doing, to whoever waits. */
export type Progress = (text: string) => void;
