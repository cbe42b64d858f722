/**
 * What is used of the RabbitMQ client. Loaded by the first call (the bundle carries it packed), so nothing of ours may
 * be imported here: it would exist twice.
 */
export { Connection } from 'rabbitmq-client';
