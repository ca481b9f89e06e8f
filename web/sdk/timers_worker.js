// The other half of timers.js: says a number back after a time.
onmessage = (event) => {
  const [timer, ms] = event.data;
  setTimeout(() => postMessage(timer), ms);
};
