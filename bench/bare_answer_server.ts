/**
 * What a look-up can't be faster than with Node's own server: it reads the request and answers a constant, nothing
 * checked, nothing looked up. Run as a process of its own: prints its port, ends on SIGTERM. argv[2] is the answer.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const answer = Buffer.from(process.argv[2] ?? '');
const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': answer.length };

const server = createServer((request, response) => {
  request.resume().once('end', () => response.writeHead(200, headers).end(answer));
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
