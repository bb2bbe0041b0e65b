// The registration of the public documentation of 2019, as it was sent. Its signatures are real.

export const sample = {
  sigPubKey: {
    use: 'sig',
    kty: 'EC',
    kid: 'xwnrgcZkSeMpVDNIA9fLynedVEwquAFJD53ZzLKV-E0',
    crv: 'P-256',
    x: 'u4wFVIj_n-BLro_jeD5UbSTK_WzLlIXMlDtfaZkt2Sc',
    y: 'WYfMvuWlZEW_onH-2uaIdBaW71S2UhD9mVvbPU4YbMQ',
  },
  encPubKey: [
    'eyJhbGciOiJFUzI1NiIsImlhdCI6MTU2OTExNjMzNCwia2lkIjoiL3h3bnJnY1prU2VNcFZETklBOWZMeW5lZFZFd3F1QUZKRDUzWnpMS1YtRTAiLCJ0Z3QiOiIvdjEvaWRlbnRpdHkjZW5jUHViS2V5In0',
    'eyJ1c2UiOiJlbmMiLCJrdHkiOiJFQyIsImtpZCI6Ill5WHNrbUR5NjB3WE5BRVg2SjZNLXBIbnF2RTFKVWJ2TkhWN0pXRmhMcDQiLCJjcnYiOiJQLTI1NiIsIngiOiJYSFgtcF82ejM1RVdfVHJYRWxHbVZ4TE9MZkxZa1RfcW1YaUR3V0lSVDVRIiwieSI6IklmR0NCeVdmaEpvVHFNdGo1MjlJNGppLXZwOGxGakstVzVLSjZDOW9JbHMifQ',
    'NV49E20aJNEO-ByXr3RWnQ8c4GF3aijI2ekBxvpoZc9cCBBcex242wEQkI5NR3kB17JuELR6-xdGsV9boTAmsA',
  ].join('.'),
  metaPublic: [
    'eyJhbGciOiJFUzI1NiIsImlhdCI6MTU2OTExNjMzNCwia2lkIjoiL3h3bnJnY1prU2VNcFZETklBOWZMeW5lZFZFd3F1QUZKRDUzWnpMS1YtRTAiLCJ0Z3QiOiIvdjEvaWRlbnRpdHkjbWV0YVB1YmxpYyJ9',
    'eyJpZGVudGl0eVR5cGUiOiJ1c2VyIn0',
    'xXVbdM-joJAAi52gjUhxPspoJXNk1lPp10JJcZoGHJnzoXBzy_4-OSO--OOF4tXff1ftpO9fR0ANrDNBprGJxw',
  ].join('.'),
  metaPrivate: [
    'eyJhbGciOiJFUzI1NiIsImlhdCI6MTU2OTExNjMzNCwia2lkIjoiL3h3bnJnY1prU2VNcFZETklBOWZMeW5lZFZFd3F1QUZKRDUzWnpMS1YtRTAiLCJ0Z3QiOiIvdjEvaWRlbnRpdHkjbWV0YVByaXZhdGUifQ',
    'e30',
    'NeumpIGwLR6sxxb3AusyZEe7lmK0lLpqtHFM0xVC4y2n2ZmIKl_FRZuyVGmf3-AmwAy00wANqdKuSLl-h4LlCw',
  ].join('.'),
};
