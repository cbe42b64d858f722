/** Where a server of ours listens. */
export interface ListenAddress {
  /** Absent: every address of this computer. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host = '', port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
