/** Where an S3 store is. */
export interface S3Options {
  readonly bucket: string;
  /** Base URL of the service; that of AWS in the region when absent. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  /** What all keys begin with. Nothing else may be under it: what is not known there is swept. */
  readonly prefix: string;
  /** The bucket in the path instead of in the host name. */
  readonly pathStyle: boolean;
  /** Sign `If-None-Match: *` into uploads, so that not even the URL's holder can write an object twice. */
  readonly conditionalWrites: boolean;
  /** Files, read anew every minute; the SDK's default chain when absent. */
  readonly credentials?:
    | { readonly accessKeyIdFile: string; readonly secretAccessKeyFile: string }
    | undefined;
  /** File with the PEM of the authorities that vouch for the service; the system's own when absent. */
  readonly caFile?: string | undefined;
}
