/** Bytes of a reply that are read; what is longer is a bad reply. */
export const MAX_REPLY_BYTES: number = 1024 * 1024;
