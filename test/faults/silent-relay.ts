import net, { type AddressInfo, type Socket } from 'node:net';

/** A TCP relay to a service on loopback whose clients can vanish as a machine without power does: no FIN, no RST. */
export interface SilentRelay {
  readonly port: number;
  /** From now on nothing of the present clients reaches the service any more, not even their end. */
  vanish(): void;
  /** From now on a client that ends does so without a sign of it. */
  hideEnds(): void;
  close(): Promise<void>;
}

export async function openSilentRelay(servicePort: number): Promise<SilentRelay> {
  const pairs = new Set<{ readonly client: Socket; readonly service: Socket; silent: boolean }>();
  let endsAreHidden = false;
  const server = net.createServer((client) => {
    const service = net.connect(servicePort, '127.0.0.1');
    const pair = { client, service, silent: false };
    pairs.add(pair);
    client.on('data', (data) => pair.silent || service.write(data));
    service.on('data', (data) => pair.silent || client.write(data));
    client.on('close', () => pair.silent || endsAreHidden || service.destroy());
    service.on('close', () => {
      pairs.delete(pair);
      client.destroy();
    });
    for (const socket of [client, service]) socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port, // a TCP server that listens has one
    vanish: () => {
      for (const pair of pairs) pair.silent = true;
    },
    hideEnds: () => {
      endsAreHidden = true;
    },
    close: async () => {
      for (const { client, service } of pairs) {
        client.destroy();
        service.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
