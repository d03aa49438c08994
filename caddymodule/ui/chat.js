import'./chat-P7CVRALK.js';import'./chunk-5ZCLFMZP.js';
