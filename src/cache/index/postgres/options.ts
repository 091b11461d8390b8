/** Where the PostgreSQL is that keeps the index, and who we are there. */
export interface PostgresOptions {
  /** Name or address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** File with the password, read anew for each connection; absent where the server asks for none. */
  readonly passwordFile?: string | undefined;
  /** Schema of all tables, made when absent; two Harriers in one database need two. */
  readonly schema: string;
  /** `verify-full`: the server's certificate must be valid and its own. `require`: encrypted, whoever it is. */
  readonly tls: 'verify-full' | 'require' | 'disable';
  /** File with the PEM of the authorities that vouch for the server; the system's own when absent. */
  readonly caFile?: string | undefined;
  /** Files with our own certificate and its key, for servers that ask for one. */
  readonly clientCertificate?: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** Connections of this process at most. */
  readonly poolSize: number;
}
