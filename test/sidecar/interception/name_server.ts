import { createSocket, type Socket } from 'node:dgram';

const TYPE_A = 1;

/**
 * A DNS server (RFC 1035) that knows one name and its IPv4 address; of every other name, and type, it knows nothing.
 * Answers how often it was asked.
 */
export async function startNameServer(
  name: string,
  address: string,
): Promise<{ asked(): number; socket: Socket }> {
  let asked = 0;
  const socket = createSocket('udp4');
  socket.on('message', (question, { port, address: from }) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = question.readUInt16BE(at + 1);
    const known = labels.join('.').toLowerCase() === name;
    if (known) asked += 1;
    const found = known && type === TYPE_A;
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(known ? 0x8580 : 0x8583, 2);
    head.writeUInt16BE(found ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    // The name again by a pointer to the question, class IN, a minute to live, four octets.
    const record = Buffer.from([
      0xc0,
      0x0c,
      0,
      TYPE_A,
      0,
      1,
      0,
      0,
      0,
      60,
      0,
      4,
      ...address.split('.').map(Number),
    ]);
    const answer = [head, question.subarray(12, at + 5), ...(found ? [record] : [])];
    socket.send(Buffer.concat(answer), port, from);
  });
  await new Promise<void>((resolve) => socket.bind(53, '127.0.0.1', resolve));
  return { asked: () => asked, socket };
}
