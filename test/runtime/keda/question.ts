import { Client, credentials } from '@grpc/grpc-js';
import { externalScalerService } from '../../../src/runtime/keda/external_scaler.ts';

/** A client of the scaler at this address. */
export function scalerClient(address: string): {
  ask<A>(method: string, question: object): Promise<A>;
  open(method: string, question: object): Promise<unknown>;
  close(): void;
} {
  const client = new Client(address, credentials.createInsecure());
  return {
    ask<A>(method: string, question: object): Promise<A> {
      const found = externalScalerService()[method];
      if (found === undefined) throw new Error(`there is no ${method}`);
      const { path, requestSerialize, responseDeserialize } = found;
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize as (bytes: Buffer) => A,
          question,
          (error, answer) => (error === null && answer !== undefined ? resolve(answer) : reject(error)),
        );
      });
    },
    /** Opens a stream, and resolves when its first answer is there. */
    open(method: string, question: object): Promise<unknown> {
      const found = externalScalerService()[method];
      if (found === undefined) throw new Error(`there is no ${method}`);
      const { path, requestSerialize, responseDeserialize } = found;
      const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, question);
      return new Promise((resolve, reject) => {
        stream.once('data', resolve);
        stream.on('error', reject);
      });
    },
    close: () => client.close(),
  };
}

/** What KEDA says of a ScaledObject of namespace ci, or of the one given. */
export const ref = (scalerMetadata: Record<string, string>, namespace = 'ci') => ({
  name: 'so',
  namespace,
  scalerMetadata,
});
